import type { Verifier } from '../../checkpoint/index.js'
import type { Problems } from '../problems.js'
import { isSignedNote, type SiblingNote } from './sibling-notes.js'

/** The tree of a log, as it was after all notes about it were read. */
export interface LogTree {
  /** Number of entries. */
  readonly size: number
  /** Returns the root at a size that the tree has; `undefined` where it cannot be told. */
  rootAt(size: number): Promise<Uint8Array | undefined>
}

/** A log about which others have notes. */
export interface NotedLog {
  readonly number: number
  /** `undefined` where it is not known. */
  readonly origin: string | undefined
  /** Those that may sign its checkpoints. */
  readonly keys: readonly Verifier[]
  /** `undefined` where there is no such log. */
  readonly tree: LogTree | undefined
}

/** A contradiction between a note and the log that it is about. */
type Contradiction = 'sibling_missing' | 'sibling_rolled_back' | 'sibling_altered'

/**
 * Compares a log with what its siblings noted of it, and adds a problem of each kind that is found.
 *
 * @param notes - about this log
 * @param isProven - tells whether a signed checkpoint covers the entry of a note: nobody without the key has written it
 */
export async function compareSiblings(
  log: NotedLog,
  notes: readonly SiblingNote[],
  isProven: (note: SiblingNote) => boolean,
  problems: Problems,
): Promise<void> {
  const found = new Map<Contradiction, { proven: SiblingNote[]; unproven: SiblingNote[] }>()
  for (const note of notes) {
    const contradiction = await contradictionOf(log, note)
    if (contradiction === undefined) continue
    const kind = found.get(contradiction) ?? { proven: [], unproven: [] }
    found.set(contradiction, kind)
    if (isEvidence(log, note, isProven)) kind.proven.push(note)
    else kind.unproven.push(note)
  }
  const unproven: SiblingNote[] = []
  for (const [kind, told] of found) {
    if (told.proven.length > 0) add(problems, log, kind, told.proven)
    else unproven.push(...told.unproven)
  }
  if (unproven.length > 0 && ![...found.values()].some(({ proven }) => proven.length > 0)) {
    const note = largest(unproven)
    const message = `${noted(note)}, which it does not have; neither a checkpoint nor its own signature vouches for that note`
    problems.add('unknown_key', 'sibling_note_unproven', message, { count: unproven.length, log: log.number })
  }
}

/**
 * Tells whether the log was once as noted. Whose checkpoint lay beside it tells its signature alone; that another log or
 * none is there now, the entry of a sibling that nobody has altered.
 */
function isEvidence(
  { origin, keys, tree }: NotedLog,
  note: SiblingNote,
  isProven: (note: SiblingNote) => boolean,
): boolean {
  const isOther = tree === undefined || (origin !== undefined && origin !== note.origin)
  return (isOther && isProven(note)) || isSignedNote(note, keys)
}

async function contradictionOf({ origin, tree }: NotedLog, note: SiblingNote): Promise<Contradiction | undefined> {
  if (!tree) return 'sibling_missing'
  if (origin !== undefined && origin !== note.origin) return 'sibling_altered'
  if (note.size > tree.size) return 'sibling_rolled_back'
  const root = await tree.rootAt(note.size)
  return root && Buffer.compare(root, note.root) !== 0 ? 'sibling_altered' : undefined
}

function add(problems: Problems, log: NotedLog, kind: Contradiction, notes: readonly SiblingNote[]): void {
  const { number, origin, tree } = log
  const note = largest(notes)
  const common = { count: notes.length, log: number }
  switch (kind) {
    case 'sibling_missing':
      problems.add('altered', kind, `${noted(note)}, and there is no such log`, common)
      return
    case 'sibling_rolled_back': {
      const size = tree?.size ?? 0
      const entries = [{ from: size, to: note.size }]
      const message = `${noted(note)}, of which the last ${note.size - size} are not there`
      problems.add('altered', kind, message, { ...common, entries })
      return
    }
    case 'sibling_altered': {
      // The smallest size at which another root is found says most of where it was altered.
      const first = notes.reduce((least, each) => (each.size < least.size ? each : least))
      const isOther = origin !== undefined && origin !== first.origin
      const what = isOther ? `and the log '${origin}' is in its place` : 'which have another root now'
      problems.add('altered', kind, `${noted(first)}, ${what}`, {
        ...common,
        ...(!isOther && { entries: [{ from: 0, to: first.size }] }),
      })
      return
    }
    default:
      kind satisfies never
  }
}

function noted({ notedBy, seq, log, origin, size }: SiblingNote): string {
  return `log ${log} ('${origin}') had ${size} entries, as entry ${seq} of log ${notedBy} says`
}

function largest(notes: readonly SiblingNote[]): SiblingNote {
  return notes.reduce((most, each) => (each.size > most.size ? each : most))
}
