import type { AuditEventInput } from '../../events/index.js'
import { atProcessEnd } from '../../timers/process-end.js'
import { startUnrefTimer } from '../../timers/real-timers.js'
import type { AuditHealth, ProviderReport } from './contract.js'
import { type HealthParts, HealthWatch, type Occasion } from './health-watch.js'
import { Impairments } from './impairments.js'
import { DIAGNOSIS_AFTER_MILLIS } from './reasons.js'
import { StatusFile } from './status-file.js'
import { warnOnce } from './warn-once.js'

const UNWATCHED: ProviderReport = Object.freeze({ sampledAway: 0, foreign: 0, suppressed: 0 })

interface ProcessHealthParts extends Pick<HealthParts, 'attachments' | 'switchedOffBy' | 'isShutDown'> {
  /** Records in the attached logs what the processor says of itself. */
  readonly state: (event: AuditEventInput<'auditing_impaired'>) => void
  readonly onProblem: (problem: unknown) => void
}

/** Answers whether this process is audited, and says so where it is not: by warnings, events, and a file in the ledger. */
export class ProcessHealth {
  /** Takes the counts. */
  readonly watch: HealthWatch
  readonly #parts: ProcessHealthParts
  readonly #impairments: Impairments
  #endGrace: () => void = () => {}
  #stopWaitingForExit: () => void = () => {}
  #provider: () => ProviderReport = () => UNWATCHED
  #file: StatusFile | undefined = undefined
  #logNumber: () => number | undefined = () => undefined

  constructor(parts: ProcessHealthParts) {
    this.#parts = parts
    this.watch = new HealthWatch({ ...parts, provider: () => this.#provider(), warn: warnOnce })
    this.#impairments = new Impairments(parts.state, Date.now())
  }

  /** Begins to look at the process by itself. */
  start(): void {
    this.#endGrace = startUnrefTimer(DIAGNOSIS_AFTER_MILLIS, () => this.#review('started'))
    this.#stopWaitingForExit = atProcessEnd('beforeExit', () => this.#review('exit'))
  }

  #review(occasion: Occasion): void {
    try {
      this.watch.review(occasion)
    } catch (problem) {
      this.#parts.onProblem(problem)
    }
  }

  /** Takes what is known of the global provider from somebody who watches it. */
  askAboutProvider(provider: () => ProviderReport): void {
    this.#provider = provider
  }

  /**
   * Keeps a file in the ledger that says how this process is doing.
   *
   * @param durability - of the log
   * @param logNumber - the log that it writes, once it has one
   */
  keepFile(location: string, durability: string, logNumber: () => number | undefined): void {
    this.#logNumber = logNumber
    this.#file = new StatusFile(location, durability)
  }

  /** Looks at what is known by now, and tells of what is new. @param isFinal - a log is about to be detached */
  look(isFinal: boolean): void {
    const health = this.watch.read()
    if (this.#parts.attachments().length > 0) this.#impairments.look(health.counts.missed, Date.now(), isFinal)
    this.watch.review('look')
    this.writeStatusFile(health)
  }

  /** Brings the file of this process up to date. */
  writeStatusFile({ status, reasons }: AuditHealth = this.watch.read()): void {
    const stated = reasons.map(({ code, message }) => ({ code, message }))
    this.#file?.update({ log: this.#logNumber(), status, reasons: stated })
  }

  /** The last look, before the logs are detached. */
  lookAtEnd(): void {
    this.#endGrace()
    this.#stopWaitingForExit()
    this.watch.review('shutdown')
  }

  /** Removes the file of this process. Never rejects. */
  async end(): Promise<void> {
    await this.#file?.remove()
  }
}
