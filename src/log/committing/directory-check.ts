import type { AuditStore } from '../../store/contract.js'

interface DirectoryCheckParts {
  readonly store: AuditStore
  /** Called when the directory is found to be gone, or another one to be in its place. */
  readonly gone: () => void
  /** Called when it is found to be back. */
  readonly back: () => void
}

/** Notices that the directory in which a log was opened is gone or replaced, also while nothing is recorded, and that it is back. */
export class DirectoryCheck {
  readonly #parts: DirectoryCheckParts
  #isGone = false

  constructor(parts: DirectoryCheckParts) {
    this.#parts = parts
  }

  /** Tells whether it was gone when it was looked at last. */
  get isGone(): boolean {
    return this.#isGone
  }

  /** Looks at it. */
  run(): void {
    const isGone = this.#parts.store.isInPlace === false
    if (isGone === this.#isGone) return
    this.#isGone = isGone
    if (isGone) this.#parts.gone()
    else this.#parts.back()
  }

  /** A commit shows that it is there. */
  committed(): void {
    this.#isGone = false
  }
}
