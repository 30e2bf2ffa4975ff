import type { Verifier } from '../../checkpoint/index.js'
import { isSignedBySibling, type SiblingObservation } from './sibling-observations.js'

/** The tree of a log, as it was after all observations of it were read. */
export interface LogTree {
  /** Number of entries. */
  readonly size: number
  /** Returns the root at a size that the tree has; `undefined` where the tree is damaged. */
  rootAt(size: number): Promise<Uint8Array | undefined>
}

/** A log that others observed. */
export interface ObservedLog {
  readonly number: number
  /** `undefined` where it is not known. */
  readonly origin: string | undefined
  /** The keys that may sign its checkpoints. */
  readonly keys: readonly Verifier[]
  /** `undefined` where there is no such log. */
  readonly tree: LogTree | undefined
}

/** The ways in which a log contradicts an observation of it. */
export type ContradictionKind = 'sibling_missing' | 'sibling_rolled_back' | 'sibling_altered'

/** Observations that a log contradicts in one way. */
export interface Contradiction {
  readonly kind: ContradictionKind
  /** The observations that are evidence that the log was once like that. */
  readonly proven: readonly SiblingObservation[]
  readonly unproven: readonly SiblingObservation[]
}

/** A log that was compared with the observations of it. */
export interface ComparedSibling {
  readonly number: number
  readonly origin: string | undefined
  /** Number of its entries; 0 where there is no such log. */
  readonly size: number
  /** One for each kind that was found. */
  readonly contradictions: readonly Contradiction[]
}

/**
 * Compares a log with what its siblings observed of it.
 *
 * @param observations - of this log
 * @param isProven - returns whether a signed checkpoint covers the entry of an observation, so that nobody without the key
 * has written it
 */
export async function compareSibling(
  log: ObservedLog,
  observations: readonly SiblingObservation[],
  isProven: (observation: SiblingObservation) => boolean,
): Promise<ComparedSibling> {
  const found = new Map<ContradictionKind, { proven: SiblingObservation[]; unproven: SiblingObservation[] }>()
  for (const observation of observations) {
    const kind = await contradictionOf(log, observation)
    if (kind === undefined) continue
    const ofKind = found.get(kind) ?? { proven: [], unproven: [] }
    found.set(kind, ofKind)
    if (isEvidence(log, observation, isProven)) ofKind.proven.push(observation)
    else ofKind.unproven.push(observation)
  }
  const { number, origin, tree } = log
  return {
    number,
    origin,
    size: tree?.size ?? 0,
    contradictions: [...found].map(([kind, ofKind]) => ({ kind, ...ofKind })),
  }
}

/**
 * Returns whether the log was once as observed. Its own signature proves whose checkpoint lay beside it; an entry of a
 * sibling that nobody has altered proves that another log, or none, is there now.
 */
function isEvidence(
  { origin, keys, tree }: ObservedLog,
  observation: SiblingObservation,
  isProven: (observation: SiblingObservation) => boolean,
): boolean {
  const isOther = tree === undefined || (origin !== undefined && origin !== observation.origin)
  return (isOther && isProven(observation)) || isSignedBySibling(observation, keys)
}

async function contradictionOf(
  { origin, tree }: ObservedLog,
  observation: SiblingObservation,
): Promise<ContradictionKind | undefined> {
  if (!tree) return 'sibling_missing'
  if (origin !== undefined && origin !== observation.origin) return 'sibling_altered'
  if (observation.size > tree.size) return 'sibling_rolled_back'
  const root = await tree.rootAt(observation.size)
  return root && Buffer.compare(root, observation.root) !== 0 ? 'sibling_altered' : undefined
}
