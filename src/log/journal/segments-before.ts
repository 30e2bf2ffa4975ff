import { unlink } from 'node:fs'
import type { JournalPosition } from '../../store/contract.js'
import { segmentPath } from './journal-format.js'

/**
 * Segments kept of those that the store has taken over. LevelDB's own log can lose what was fsynced, when it is damaged,
 * and opens without an error. It holds two write buffers (16 MiB) at most; so much can then be replayed.
 */
const KEPT_SEGMENTS = 2

/** The segments of a journal before the one that is written. */
export class SegmentsBefore {
  /** By number, of those that were written since the journal was opened. */
  readonly #sizes = new Map<number, number>()
  /** Lowest number of the segments that were not deleted. */
  #oldest: number

  /** @param oldest - lowest number of the segments that are there */
  constructor(oldest: number) {
    this.#oldest = oldest
  }

  /** Sizes of those written since the journal was opened and not deleted, by number. */
  get sizes(): ReadonlyMap<number, number> {
    return this.#sizes
  }

  get bytes(): number {
    let bytes = 0
    for (const size of this.#sizes.values()) bytes += size
    return bytes
  }

  /** Adds the segment that was written until now. */
  add(segment: number, size: number): void {
    this.#sizes.set(segment, size)
  }

  /** Removes the last segment, which is written again. @returns its size */
  remove(segment: number): number | undefined {
    const size = this.#sizes.get(segment)
    this.#sizes.delete(segment)
    return size
  }

  /** Deletes segments that the store has taken over whole, all but the last {@link KEPT_SEGMENTS}. */
  release(directory: string, committed: JournalPosition): void {
    while (this.#oldest < committed.segment - KEPT_SEGMENTS) {
      this.#sizes.delete(this.#oldest)
      // One that cannot be deleted now is deleted by a later opening.
      unlink(segmentPath(directory, this.#oldest), () => {})
      this.#oldest++
    }
  }
}
