import { diag } from '@opentelemetry/api'
import { AuditLogError } from '../events/errors.js'
import { fromTelemetry } from '../events/from-telemetry.js'
import type { AuditEventData, AuditEventInput } from '../events/index.js'
import { rejectUnknownOptions } from '../events/options.js'
import type { AuditLogWriter, RecordInput } from '../log/contract.js'
import { recordStatement } from '../log/statements.js'
import { BoundedCopy } from '../record/bounded.js'
import { OpeningLog } from './opening-log.js'
import { type Feeder, type SharedLog, sharedLog } from './shared-logs.js'

/** Options of `AuditSpanProcessor.attach`. */
export interface AttachOptions {
  /** Names the attachment in `audit_attached` and `audit_detached`. @defaultValue `attachment-1`, `attachment-2` … */
  readonly id?: string
  /**
   * Selects the events that the log receives; all by default. The filter is handed a copy, so that it cannot change what is
   * recorded. One that
   * throws lets the event pass: a doubt must not make a gap.
   */
  readonly filter?: (event: AuditEventInput) => boolean
  /** The tenant of events that name none. @defaultValue the log's default, `default` */
  readonly tenantId?: string
}

/** A log that a processor records into, from `attach()` to `detach()`. */
export interface Attachment {
  /** As in `audit_attached` and `audit_detached`. */
  readonly id: string
  /** The log it writes to. */
  readonly log: AuditLogWriter
  /**
   * Ends it. Resolves when everything seen so far is durable; runs still open are listed in `audit_detached`.
   * Calling it again returns the same promise.
   *
   * @throws AuditLogError `AUDIT_WRITE_FAILED`, `AUDIT_LOG_CLOSED`
   */
  detach(): Promise<void>
  /** {@link detach} */
  [Symbol.asyncDispose](): Promise<void>
}

type OpenRuns = AuditEventData<'audit_attached'>['openRuns']

const KNOWN: Record<keyof AttachOptions, true> = { id: true, filter: true, tenantId: true }

const OWN_SOURCE = Object.freeze({ convention: 'spanledger', scope: 'spanledger' })

interface AttachmentsOptions {
  /** Returns the runs that are open once what waits to be recorded is. */
  readonly openRuns: () => OpenRuns
  /** Returns those that are open as of what is recorded; called while an event is being recorded as well. */
  readonly runsNow: () => OpenRuns
  /** Called before a log is detached. */
  readonly onDetaching: () => void
  readonly onProblem: (problem: unknown) => void
  /** Called after a log was attached or detached. */
  readonly onChange: () => void
}

/** The logs that receive events just now. */
export class Attachments {
  #attached: readonly LogAttachment[] = []
  #count = 0
  /** All runs have been ended, so that no other processor shall end them again. */
  isOver = false
  readonly #options: AttachmentsOptions

  constructor(options: AttachmentsOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#attached.length
  }

  get all(): readonly Attachment[] {
    return this.#attached
  }

  /**
   * @throws TypeError for no log, an unknown or malformed option, or an id that another attachment has
   * @throws AuditLogError `AUDIT_LOG_CLOSED`
   */
  attach(log: AuditLogWriter, options: AttachOptions = {}): Attachment {
    requireOptions(options)
    if (typeof log?.record !== 'function') throw new TypeError('attach: expected an open audit log')
    if (isClosed(log)) throw new AuditLogError('AUDIT_LOG_CLOSED', `attach: the audit log ${log.location} is closed`)
    const existing = this.#attached.find((attachment) => isSame(attachment.log, log))
    if (existing) return existing
    const id = options.id ?? this.#freeId()
    if (this.#attached.some((attachment) => attachment.id === id))
      throw new TypeError(`attach: '${id}' is attached already`)
    const attachment = new LogAttachment(log, {
      ...options,
      id,
      onProblem: this.#options.onProblem,
      onDetach: () => this.#remove(attachment),
    })
    this.#attached = [...this.#attached, attachment]
    const stateAttached = (openRuns: OpenRuns) =>
      attachment.state({ type: 'audit_attached', data: { attachment: id, openRuns } })
    // The next log has no starts of the runs that are open.
    attachment.enter(() => stateAttached(this.#options.runsNow()))
    this.#options.onChange()
    stateAttached(this.#options.openRuns())
    return attachment
  }

  #freeId(): string {
    for (;;) {
      const id = `attachment-${++this.#count}`
      if (!this.#attached.some((attachment) => attachment.id === id)) return id
    }
  }

  publish(draft: RecordInput): void {
    for (const attachment of this.#attached) attachment.receive(draft)
  }

  /** Records in every attached log what the processor says of itself. */
  state(statement: AuditEventInput): void {
    for (const attachment of this.#attached) attachment.state(statement)
  }

  #remove(attachment: LogAttachment): void {
    this.#options.onDetaching()
    const openRuns = this.#options.openRuns()
    this.#attached = this.#attached.filter((other) => other !== attachment)
    attachment.state({ type: 'audit_detached', data: { attachment: attachment.id, openRuns } })
    attachment.leave(this.isOver)
    this.#options.onChange()
  }
}

interface LogAttachmentOptions extends AttachOptions {
  readonly id: string
  readonly onProblem: (problem: unknown) => void
  readonly onDetach: () => void
}

class LogAttachment implements Attachment {
  readonly id: string
  readonly log: AuditLogWriter
  readonly #options: LogAttachmentOptions
  readonly #shared: SharedLog
  readonly #feeder: Feeder = { hasLeft: false }
  #detached: Promise<void> | undefined
  #hasWarnedOfClosing = false
  #stopWaitingForGivingUp: () => void = () => {}

  constructor(log: AuditLogWriter, options: LogAttachmentOptions) {
    this.id = options.id
    this.log = log
    this.#options = options
    this.#shared = sharedLog(log)
  }

  /** Feeds the log from now on. @param onGivenUp - told each time when another log comes in its place */
  enter(onGivenUp: () => void): void {
    if (isReplaceable(this.log)) this.#stopWaitingForGivingUp = this.log.onGivenUp(onGivenUp)
    if (!this.#shared.enter(this.#feeder)) return
    diag.warn(
      `spanledger: the audit log ${this.log.location} is attached to another AuditSpanProcessor already, as happens when the ` +
        'setup code runs twice. What both see is recorded once; register one processor.',
    )
  }

  /** @param isOver - all that was begun has come to its end */
  leave(isOver: boolean): void {
    this.#stopWaitingForGivingUp()
    this.#shared.leave(this.#feeder, isOver)
  }

  receive(draft: RecordInput): void {
    try {
      if (!this.#shared.falls(this.#feeder, draft)) return
      const event = this.#withTenant(draft)
      const { filter } = this.#options
      if (filter && !this.#passes(filter, event)) return
      if (this.log.record(event) === undefined && !this.#hasWarnedOfClosing) this.#warnIfClosed()
    } catch (problem) {
      this.#options.onProblem(problem)
    }
  }

  /** Statements of the processor are on the record whatever the filter says. */
  state(statement: AuditEventInput): void {
    try {
      // What is said of no span is said of the processor.
      if (statement.trace && !this.#shared.falls(this.#feeder, statement)) return
      recordStatement(
        this.log,
        this.#withPrevious(this.#withTenant(fromTelemetry({ source: OWN_SOURCE, ...statement }))),
      )
    } catch (problem) {
      this.#options.onProblem(problem)
    }
  }

  detach(): Promise<void> {
    this.#detached ??= this.#detach()
    return this.#detached
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.detach()
  }

  async #detach(): Promise<void> {
    this.#options.onDetach()
    await this.log.flush()
  }

  #withTenant(draft: RecordInput): RecordInput {
    const { tenantId } = this.#options
    return tenantId === undefined || draft.tenantId !== undefined ? draft : { ...draft, tenantId }
  }

  /** The earlier events of a run that had no tenant are filed under that of the attachment. */
  #withPrevious(statement: RecordInput): RecordInput {
    const { tenantId } = this.#options
    if (tenantId === undefined || statement.type !== 'run_identified') return statement
    const { previous } = statement.data
    return { ...statement, data: { previous: { ...previous, tenantId: previous.tenantId ?? tenantId } } }
  }

  #passes(filter: NonNullable<AttachOptions['filter']>, event: RecordInput): boolean {
    try {
      return filter(new BoundedCopy(Number.POSITIVE_INFINITY).of(event) as AuditEventInput) !== false
    } catch (problem) {
      this.#options.onProblem(problem)
      return true
    }
  }

  /** The log counts what it no longer takes; whoever closed it too early should hear of it. */
  #warnIfClosed(): void {
    if (!isClosed(this.log)) return
    this.#hasWarnedOfClosing = true
    diag.warn(
      `spanledger: the audit log ${this.log.location} was closed while it was attached ('${this.id}'): nothing more is ` +
        'recorded in it, and runs that were open stay without an end. Detach it, or shut down the SDK, before closing it.',
    )
  }
}

function requireOptions(options: AttachOptions): void {
  rejectUnknownOptions('attach', options, Object.keys(KNOWN))
  for (const name of ['id', 'tenantId'] as const) {
    const value: unknown = options[name]
    if (value !== undefined && (typeof value !== 'string' || value === ''))
      throw new TypeError(`attach: ${name} must be a text that is not empty`)
  }
  if (options.filter !== undefined && typeof options.filter !== 'function')
    throw new TypeError('attach: filter must be a function')
}

/** A log made by somebody else may not tell. */
function isClosed(log: AuditLogWriter): boolean {
  return typeof log.health === 'function' && log.health().status === 'closed'
}

/** Also one of another copy of this package. */
function isReplaceable(log: AuditLogWriter): log is AuditLogWriter & Pick<OpeningLog<AuditLogWriter>, 'onGivenUp'> {
  return 'onGivenUp' in log
}

/** Also the log that a processor has opened itself, before and after it was open. */
function isSame(one: AuditLogWriter, other: AuditLogWriter): boolean {
  return underlying(one) === underlying(other)
}

function underlying(log: AuditLogWriter): AuditLogWriter {
  return log instanceof OpeningLog ? (log.log ?? log) : log
}
