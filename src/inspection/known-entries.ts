import type { UsualEntry } from '../store/usual-entry.js'

/** Most entries of which something is known. */
const MAX_KNOWN = 8_192

/**
 * The results of decoding usual entries, by their owners. Most entries of a run have the same owners, so that few entries are
 * decoded.
 * Memory is bounded.
 */
export class KnownEntries<T> {
  readonly #byOwners = new Map<string, T>()

  get({ owners }: UsualEntry): T | undefined {
    return this.#byOwners.get(owners)
  }

  add({ owners }: UsualEntry, known: T): void {
    if (this.#byOwners.size === MAX_KNOWN) this.#byOwners.clear()
    this.#byOwners.set(copiedText(owners), known)
  }
}

/** Returns an ASCII text in a memory of its own: a part of another text keeps all of that in memory. */
export function copiedText(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}
