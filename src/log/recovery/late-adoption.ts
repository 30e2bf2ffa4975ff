import { AuditLogError } from '../../events/errors.js'
import type { AuditEventInput } from '../../events/types.js'
import type { SealedEntry } from '../../store/contract.js'
import type { LogWriter } from '../committing/writer.js'
import { sealStatements } from '../sealing/clock-statement.js'
import type { Sealer } from '../sealing/seal.js'
import { recordStatement } from '../statements.js'
import { type AdoptingLog, type AdoptionOptions, adoptStaging } from './adopt-staging.js'
import { interruptedRuns } from './interrupted-runs.js'

/** Entries of a staging journal that wait in the queue of an open log at a time. */
const MAX_WAITING = 1024

/**
 * Takes over staging journals into a log that is open: its index was being rebuilt when it was opened. Their runs are
 * interrupted then. What fails is left to the next opening.
 *
 * @throws what adding to the log throws; what reading throws
 */
export async function adoptLate(writer: LogWriter, options: AdoptionOptions, onBegin: () => void): Promise<void> {
  const { store, sealer } = options
  const { begun } = await adoptStaging({ ...options, open: { log: new WrittenLog(writer, sealer), onBegin } })
  if (begun.length === 0) return
  const positions = await store.positionsOf(begun)
  const only = new Set(positions.filter((seq) => seq !== undefined))
  for await (const events of interruptedRuns(store, Infinity, 0, only)) {
    for (const event of events) recordStatement(writer, event)
  }
}

/** A log that takes entries by the way of all others. */
class WrittenLog implements AdoptingLog {
  readonly #writer: LogWriter
  readonly #sealer: Sealer
  #waiting = 0

  constructor(writer: LogWriter, sealer: Sealer) {
    this.#writer = writer
    this.#sealer = sealer
  }

  async add(entry: SealedEntry): Promise<void> {
    if (this.#waiting++ === MAX_WAITING) await this.commit()
    const { stagedIntake } = this.#writer
    if (stagedIntake.takeEntry(entry)) return
    await this.commit()
    if (stagedIntake.takeEntry(entry)) return
    throw new AuditLogError('AUDIT_WRITE_FAILED', `The audit log ${this.#writer.location} takes nothing just now`)
  }

  async state(statement: AuditEventInput): Promise<void> {
    for (const entry of sealStatements(this.#sealer, statement)) await this.add(entry)
  }

  async commit(): Promise<void> {
    this.#waiting = 0
    await this.#writer.flush()
  }
}
