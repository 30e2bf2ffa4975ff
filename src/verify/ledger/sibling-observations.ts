import { openNote, type Verifier } from '../../checkpoint/index.js'

/*
 * A log observes its siblings: it records the checkpoints that it sees beside them, in entries of type `siblings_noted`:
 *
 *   data  { logs: [{ log: 1, origin: '…', size: 4711, root: '<base64>', signature?: '<base64>' }, …] }
 *
 * A sibling that is gone, has fewer entries than that, or another root at that size was deleted, rolled back or altered.
 * The file could be anybody's when it was read: the signature proves that the sibling itself was once like that.
 */

/** A state of a log, as an entry of a sibling records it. */
export interface SiblingObservation {
  /** The number of the log that it is about. */
  readonly log: number
  readonly origin: string
  readonly size: number
  /** Root hash at that size. */
  readonly root: Buffer
  /** The signature of the checkpoint, as its line has it behind the name. */
  readonly signature: string | undefined
  /** The number of the log that recorded it, and the position of the entry. */
  readonly observedBy: number
  readonly seq: number
}

/** Most observations of one log that are kept. Beyond, every second one of each sibling goes, never the last. */
const MAX_OBSERVATIONS = 16_384
/** Most siblings of one log of which observations are kept: more than there are processes at a time. */
const MAX_SIBLINGS = 4_096
const HASH_BYTES = 32
const MAX_NUMBER = 999_999_999
/** Longer than the signature of any key. */
const MAX_SIGNATURE_LENGTH = 16_384

/** Gathers a log's observations of its siblings, in bounded memory. */
export class SiblingObservations {
  readonly #observedBy: number
  readonly #bySibling = new Map<number, SiblingObservation[]>()
  #count = 0

  constructor(observedBy: number) {
    this.#observedBy = observedBy
  }

  get all(): readonly SiblingObservation[] {
    return [...this.#bySibling.values()].flat()
  }

  /** Takes the next `siblings_noted` of the log. @param data - of the event; what is malformed is left out */
  add(seq: number, data: unknown): void {
    const { logs } = (data ?? {}) as { readonly logs?: unknown }
    if (!Array.isArray(logs)) return
    for (const each of logs) {
      const observation = this.#parse(each ?? {}, seq)
      if (observation) this.#keep(observation)
    }
  }

  #keep(observation: SiblingObservation): void {
    const ofLog = this.#bySibling.get(observation.log)
    const last = ofLog?.at(-1)
    // One that says the same is kept once: it is the earlier that a checkpoint covers first.
    if (
      last &&
      last.size === observation.size &&
      last.origin === observation.origin &&
      Buffer.compare(last.root, observation.root) === 0
    ) {
      return
    }
    if (ofLog) ofLog.push(observation)
    else if (this.#bySibling.size < MAX_SIBLINGS) this.#bySibling.set(observation.log, [observation])
    else return
    if (++this.#count > MAX_OBSERVATIONS) this.#thin()
  }

  #thin(): void {
    this.#count = 0
    for (const [log, all] of this.#bySibling) {
      const kept = all.filter((_, at) => at % 2 === 0 || at === all.length - 1)
      this.#bySibling.set(log, kept)
      this.#count += kept.length
    }
  }

  // Attacker-controlled: the data of any entry; numbers are bounded, and so are signatures and observations.
  #parse(stated: Record<string, unknown>, seq: number): SiblingObservation | undefined {
    const { log, origin, size, root, signature } = stated
    if (!isWhole(log, MAX_NUMBER) || !isWhole(size, Number.MAX_SAFE_INTEGER)) return undefined
    if (typeof origin !== 'string' || typeof root !== 'string') return undefined
    const bytes = Buffer.from(root, 'base64')
    if (bytes.length !== HASH_BYTES || log === this.#observedBy) return undefined
    const isSigned = typeof signature === 'string' && signature.length <= MAX_SIGNATURE_LENGTH
    return {
      log,
      origin,
      size,
      root: bytes,
      signature: isSigned ? signature : undefined,
      observedBy: this.#observedBy,
      seq,
    }
  }
}

/** Returns whether one of these keys signed the checkpoint that was observed. */
export function isSignedBySibling(
  { origin, size, root, signature }: SiblingObservation,
  keys: readonly Verifier[],
): boolean {
  if (signature === undefined) return false
  try {
    openNote(`${origin}\n${size}\n${root.toString('base64')}\n\n\u2014 ${origin} ${signature}\n`, keys)
    return true
  } catch {
    return false
  }
}

function isWhole(value: unknown, max: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= max
}
