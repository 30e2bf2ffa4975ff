import type { AuditEventInput } from '../events/types.js'
import type { AuditLogWriter } from '../log/contract.js'
import type { Staged } from '../log/staging/staged.js'
import { type StagedIntake, stagedIntakeOf } from '../log/staging/staged-intake.js'
import type { StagedQueue } from '../log/staging/staged-queue.js'
import type { StagingJournal } from '../log/staging/staging-journal.js'
import { recordStatement } from '../log/statements.js'
import { eventsDropped, type GivenUpLogs } from './given-up-logs.js'

/** Bytes of staged events that a log takes before it has made those before them durable. */
const HANDED_OVER_BYTES = 1024 * 1024

interface HandOverParts {
  readonly queue: StagedQueue
  readonly givenUp: GivenUpLogs
  /** @throws the problem for which the log was given up meanwhile */
  readonly assertCurrent: () => void
  /**
   * Called as soon as the log has everything: nothing can be staged between the last of it and this call.
   *
   * @param journal - has what was staged, until it is removed
   */
  readonly onComplete: (journal: StagingJournal | undefined) => void
}

/** Brings a log everything that was staged before it was open. What comes meanwhile is staged behind that. */
export async function handOver(log: AuditLogWriter, parts: HandOverParts): Promise<void> {
  const { queue, givenUp, assertCurrent, onComplete } = parts
  const intake = stagedIntakeOf(log)
  if (intake) {
    await intake.ready()
    await queue.claimFor(intake.logId)
    await givenUp.compareWith(intake)
  }
  const into = new StagedReceiver(log, intake, parts)
  for (;;) {
    assertCurrent()
    // Nothing can come between the last of what was staged and what is recorded from then on.
    if (queue.spilledEvents === 0 && queue.bytes <= HANDED_OVER_BYTES) {
      if (into.take(queue.takeNow(HANDED_OVER_BYTES)) && queue.events === 0) break
    } else into.take(await queue.take())
    await log.flush()
  }
  into.stateGaps()
  onComplete(queue.detachJournal())
}

/** A log as it takes over staged events. */
class StagedReceiver {
  readonly #log: AuditLogWriter
  readonly #intake: StagedIntake | undefined
  readonly #parts: Pick<HandOverParts, 'queue' | 'givenUp'>

  constructor(log: AuditLogWriter, intake: StagedIntake | undefined, parts: Pick<HandOverParts, 'queue' | 'givenUp'>) {
    this.#log = log
    this.#intake = intake
    this.#parts = parts
  }

  /** @returns whether the log has taken all of it; what it has not is put back */
  take(staged: readonly Staged[]): boolean {
    const { queue, givenUp } = this.#parts
    if (!this.#intake) {
      for (const each of staged) this.#record(each)
      return true
    }
    const missing = staged.filter((each) => givenUp.isMissing(each))
    const taken = this.#intake.take(missing)
    if (taken === missing.length) return true
    queue.putBack(missing.slice(taken))
    return false
  }

  /** Records what the log does not have of what was staged, and what it has. */
  stateGaps(): void {
    const { queue, givenUp } = this.#parts
    const { journal, summary } = queue
    const gap = queue.takeGap()
    if (gap) recordStatement(this.#log, eventsDropped('log_unavailable', gap))
    for (const statement of givenUp.takeStatements()) recordStatement(this.#log, statement)
    if (this.#intake && journal && summary) {
      this.#intake.adopted({ staging: journal.id, ...summary, unattested: 0, ownerDied: false })
    }
  }

  /** Records a staged event in a log that takes events only as applications hand them in. */
  #record({ entry, statement }: Staged): void {
    if (statement) recordStatement(this.#log, statement as AuditEventInput)
    else this.#log.record(JSON.parse(Buffer.from(entry.bytes).toString()) as AuditEventInput)
  }
}
