import type { JournalPosition, SealedEntry } from '../../store/contract.js'
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

  /** @returns where the entry ends; `undefined` when it could not be written */
  write(entry: SealedEntry): JournalPosition | undefined {
    try {
      this.journal.append(entry)
    } catch (cause) {
      this.#failed(cause)
      return undefined
    }
    this.#worked()
    return this.journal.end
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
    } catch (cause) {
      this.#failed(cause)
      return false
    }
    this.#worked()
    return true
  }

  #worked(): void {
    if (!this.#isFailing) return
    this.#isFailing = false
    this.#onChange(undefined)
  }

  #failed(cause: unknown): void {
    if (this.#isFailing) return
    this.#isFailing = true
    this.#onChange({ cause })
  }
}

/** Where an entry is that ends there. */
export function spanOf({ byteLength }: SealedEntry, to: JournalPosition): JournalSpan {
  return { from: { segment: to.segment, offset: to.offset - recordBytes(byteLength) }, to }
}
