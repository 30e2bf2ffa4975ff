import { joinRuns, type PostingRun } from './posting-run.js'

/** Bytes of postings that an index keeps at hand. */
const MAX_BYTES = 2 * 2 ** 20
/** Bytes of the postings of one value: what has more is read again. */
const MAX_BYTES_OF_RUN = MAX_BYTES / 8
/** Bytes that a posting, or a run of none, takes beside its value. */
const BYTES_BESIDE = 160
/** Values below one prefix that are kept at most. */
const MAX_VALUES = 64

/** The first position of a value of an index. */
export interface FirstOfValue {
  readonly key: Buffer
  readonly first: number
}

interface Kept {
  readonly run: PostingRun
  readonly bytes: number
}

/**
 * Postings that were read last, within bounds. A batch of the index is written once and never changed, so that what was read of
 * the positions that the index covered stays true as long as its database is open.
 */
export class PostingCache {
  /** Runs by direction and key of the value, those that were asked for last at the end. */
  readonly #runs = new Map<string, Kept>()
  /** The values below a prefix, as of the number of entries that was covered. */
  readonly #values = new Map<string, { readonly covered: number; readonly values: readonly FirstOfValue[] }>()
  #bytes = 0

  run(valueKey: Buffer, reverse: boolean): PostingRun | undefined {
    const name = nameOf(valueKey, reverse)
    const kept = this.#runs.get(name)
    if (!kept) return undefined
    this.#runs.delete(name)
    this.#runs.set(name, kept)
    return kept.run
  }

  /** Adds what was read of a value, all below the number of entries that is covered. */
  addRun(valueKey: Buffer, reverse: boolean, read: PostingRun): void {
    if (read.from >= read.to) return
    const name = nameOf(valueKey, reverse)
    const before = this.#runs.get(name)
    const run = before ? joinRuns(before.run, read) : read
    const bytes = run.postings.reduce((sum, { value }) => sum + BYTES_BESIDE + value.length, BYTES_BESIDE)
    if (bytes > MAX_BYTES_OF_RUN) return
    this.#remove(name)
    this.#runs.set(name, { run, bytes })
    this.#bytes += bytes
    for (const oldest of this.#runs.keys()) {
      if (this.#bytes <= MAX_BYTES) return
      this.#remove(oldest)
    }
  }

  /** Returns the values below a prefix that the index has when it covers so many entries. */
  values(prefix: Buffer, covered: number): readonly FirstOfValue[] | undefined {
    const kept = this.#values.get(prefix.toString('latin1'))
    return kept?.covered === covered ? kept.values : undefined
  }

  addValues(prefix: Buffer, covered: number, values: readonly FirstOfValue[]): void {
    if (values.length > MAX_VALUES) return
    if (this.#values.size >= MAX_VALUES) this.#values.clear()
    this.#values.set(prefix.toString('latin1'), { covered, values })
  }

  #remove(name: string): void {
    this.#bytes -= this.#runs.get(name)?.bytes ?? 0
    this.#runs.delete(name)
  }
}

function nameOf(valueKey: Buffer, reverse: boolean): string {
  return `${reverse ? '<' : '>'}${valueKey.toString('latin1')}`
}
