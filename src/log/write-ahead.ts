import type { SealedEntry } from '../store/contract.js'
import type { Journal, JournalSpan } from './journal.js'
import { recordBytes } from './journal-format.js'

/** Writes entries to the journal as long as that works, and remembers why when it does not. */
export class WriteAhead {
  readonly journal: Journal
  readonly #onChange: (failure: { readonly cause: unknown } | undefined) => void
  #isFailing = false

  /** @param onChange - told when writing begins to fail, and, with `undefined`, when it works again */
  constructor(journal: Journal, onChange: (failure: { readonly cause: unknown } | undefined) => void) {
    this.journal = journal
    this.#onChange = onChange
  }

  get isFailing(): boolean {
    return this.#isFailing
  }

  /** @returns where the entry is; `undefined` when it could not be written */
  write(entry: SealedEntry): JournalSpan | undefined {
    if (!this.#attempt(() => this.journal.append(entry))) return undefined
    const to = this.journal.end
    return { from: { segment: to.segment, offset: to.offset - recordBytes(entry.bytes.length) }, to }
  }

  /** Notices a file that is gone. */
  check(): void {
    if (!this.#isFailing) this.#attempt(() => this.journal.check())
  }

  /** Tries whether the journal can be written again. */
  retry(): boolean {
    return !this.#isFailing || this.#attempt(() => this.journal.startNext())
  }

  #attempt(write: () => void): boolean {
    try {
      write()
      if (this.#isFailing) {
        this.#isFailing = false
        this.#onChange(undefined)
      }
      return true
    } catch (cause) {
      if (!this.#isFailing) {
        this.#isFailing = true
        this.#onChange({ cause })
      }
      return false
    }
  }
}
