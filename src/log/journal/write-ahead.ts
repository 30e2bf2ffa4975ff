import type { JournalPosition, SealedEntry } from '../../store/contract.js'
import type { Journal } from './journal.js'
import { recordBytes } from './journal-format.js'
import type { JournalSpan } from './journal-span.js'
import type { UnwrittenRecord } from './records-behind.js'

/** Listeners of a journal. */
export interface JournalListeners {
  /** Called when writing begins to fail, and, with `undefined`, when it works again. */
  onChange(failure: { readonly cause: unknown } | undefined): void
  /** Called with the last entries that were taken for written, and are not. @param end - of the journal without them */
  onLost(lost: readonly UnwrittenRecord[], end: JournalPosition): void
}

/** Writes entries to the journal as long as that works, and remembers why when it does not. */
export class WriteAhead {
  readonly journal: Journal
  readonly #listeners: JournalListeners
  #isFailing = false

  constructor(journal: Journal, listeners: JournalListeners) {
    this.journal = journal
    this.#listeners = listeners
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

  /** Resolves when all entries that were written are in the files, or were reported as lost. */
  async settled(): Promise<void> {
    try {
      await this.journal.written()
    } catch (cause) {
      this.#failed(cause)
    }
  }

  /** Ends the writing of it. @throws what the file system throws */
  async close(): Promise<void> {
    await this.journal.finish()
    this.journal.close()
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
    this.#listeners.onChange(undefined)
  }

  #failed(cause: unknown): void {
    const lost = this.journal.takeLost()
    if (lost.length > 0) this.#listeners.onLost(lost, this.journal.end)
    if (this.#isFailing) return
    this.#isFailing = true
    this.#listeners.onChange({ cause })
  }
}

/** Returns the span of an entry that ends there. */
export function spanOf(entry: SealedEntry, to: JournalPosition): JournalSpan {
  return { from: { segment: to.segment, offset: to.offset - recordBytes(entry) }, to }
}
