import type { AuditStore } from '../../store/contract.js'
import type { AuditLogHealth } from '../contract.js'
import type { LogEmitter } from '../log-emitter.js'
import type { Sealer } from '../sealing/seal.js'
import type { CommitListener } from './commit-loop.js'
import { DirectoryCheck } from './directory-check.js'
import { Episodes, type LogState, type Part } from './episodes.js'
import type { LogErrors } from './log-errors.js'

interface FailuresParts {
  readonly store: AuditStore
  readonly errors: LogErrors
  readonly emitter: LogEmitter
  readonly sealer: Pick<Sealer, 'now'>
  readonly isClosed: () => boolean
  /** Tries at once again what has failed. @returns whether anything has */
  readonly retry: () => boolean
}

/**
 * The failures of a log's store and journal: each is reported when it begins, once. Whatever fails in a log whose
 * directory is gone follows from that, so that this alone is reported.
 */
export class Failures implements CommitListener {
  readonly #episodes = new Episodes()
  readonly #parts: FailuresParts
  readonly #directory: DirectoryCheck

  constructor(parts: FailuresParts) {
    this.#parts = parts
    this.#directory = new DirectoryCheck({
      store: parts.store,
      gone: () => this.#onGone(),
      back: () => {
        if (!parts.retry()) this.#episodes.end('store')
      },
    })
  }

  /** Returns why a part fails; `undefined` where it works. */
  causeOf(part: Part): unknown {
    return this.#episodes.causeOf(part)
  }

  health(log: LogState): AuditLogHealth {
    return this.#episodes.health(log)
  }

  /** Notices that the directory of the log is gone or replaced, and that it is back. */
  reviewDirectory(): void {
    if (!this.#parts.isClosed()) this.#directory.run()
  }

  failed(cause: unknown, attempts: number): void {
    this.#reportOfStore()
    this.#episodes.begin('store', cause, this.#parts.sealer.now())
    this.reviewDirectory()
    if (attempts === 1) this.#report(this.#parts.errors.storeFailed(cause))
  }

  committed(): void {
    this.#reportOfStore()
    this.#directory.committed()
    this.#episodes.end('store')
  }

  /** @param failure - of the journal; `undefined` when it works again */
  journalChanged(failure: { readonly cause: unknown } | undefined): void {
    if (!failure) {
      this.#episodes.end('journal')
      return
    }
    const { cause } = failure
    this.#episodes.begin('journal', cause, this.#parts.sealer.now())
    this.reviewDirectory()
    this.#report(
      this.#parts.errors.write(
        'has a journal that cannot be written: until then, events that are not committed die with the process',
        cause,
      ),
    )
  }

  #onGone(): void {
    const { errors, emitter, sealer } = this.#parts
    const problem = errors.removed()
    this.#episodes.begin('store', problem, sealer.now())
    emitter.report(problem)
  }

  #reportOfStore(): void {
    for (const problem of this.#parts.store.takeProblems?.() ?? []) this.#report(problem)
  }

  #report(problem: Error): void {
    if (!this.#directory.isGone) this.#parts.emitter.report(problem)
  }
}
