import { AuditLogError } from '../events/errors.js'
import { isError } from '../events/is-error.js'
import type { LogWriter } from '../log/committing/writer.js'
import type { AdoptionOptions } from '../log/recovery/adopt-staging.js'
import { interruptedRuns } from '../log/recovery/interrupted-runs.js'
import { adoptLate } from '../log/recovery/late-adoption.js'
import type { Recovered } from '../log/recovery/recovery.js'
import { recordStatement } from '../log/statements.js'

/**
 * The part of the recovery of a log that waits for its index, so that the log is open meanwhile: it records the runs that
 * were interrupted, and takes over staging journals.
 */
export class LateRecovery {
  readonly #options: AdoptionOptions & Pick<Recovered, 'openRunsBefore' | 'adoptsLate'>
  #isOver: boolean

  constructor(options: AdoptionOptions & Pick<Recovered, 'openRunsBefore' | 'adoptsLate'>) {
    this.#options = options
    this.#isOver = options.openRunsBefore === undefined
  }

  /** Tells whether nothing of it is left to the next opening. */
  get isOver(): boolean {
    return this.#isOver
  }

  /** Does what is left. Never rejects. */
  async run(writer: LogWriter): Promise<void> {
    this.#isOver ||= await this.#recordInterrupted(writer)
    if (!this.#options.adoptsLate || !this.#isOver) return
    await this.#whileOpen(async () => {
      await this.#options.store.indexReady?.()
      // Until all of it is there, with the ends of its runs, the next opening has to look.
      await adoptLate(writer, this.#options, () => {
        this.#isOver = false
      })
      this.#isOver = true
    })
  }

  /** @returns whether all interrupted runs are recorded */
  async #recordInterrupted(writer: LogWriter): Promise<boolean> {
    const { store, openRunsBefore = 0 } = this.#options
    return await this.#whileOpen(async () => {
      await store.indexReady?.()
      for await (const events of interruptedRuns(store, openRunsBefore)) {
        for (const event of events) if (!recordStatement(writer, event)) return false
      }
      return true
    })
  }

  /** Leaves what fails, or what closing the log stops, to the next opening. @returns `false` then */
  async #whileOpen<T>(act: () => Promise<T>): Promise<T | false> {
    try {
      return await act()
    } catch (problem) {
      if (!isClosed(problem)) this.#options.report(isError(problem) ? problem : new Error(String(problem)))
      return false
    }
  }
}

function isClosed(problem: unknown): boolean {
  return problem instanceof AuditLogError && problem.code === 'AUDIT_LOG_CLOSED'
}
