import type { UsualEntry } from '../store/usual-entry.js'

/** Entries of which something is known at most. */
const MAX_KNOWN = 8_192

/**
 * What is known of usual entries by their owners: most entries of a run have the same ones, so that few entries are decoded.
 * Memory is bounded.
 */
export class KnownEntries<T> {
  readonly #byOwners = new Map<string, T>()

  get({ owners }: UsualEntry): T | undefined {
    return this.#byOwners.get(owners)
  }

  add({ owners }: UsualEntry, known: T): void {
    if (this.#byOwners.size === MAX_KNOWN) this.#byOwners.clear()
    // A part of another text would keep all of that in memory.
    this.#byOwners.set(Buffer.from(owners, 'latin1').toString('latin1'), known)
  }
}
