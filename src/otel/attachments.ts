import type { AuditEventData, AuditEventInput } from '../events/index.js'
import type { AuditLogWriter, RecordInput } from '../log/contract.js'

/** Options of `AuditSpanProcessor.attach`. */
export interface AttachOptions {
  /** Names the attachment in `audit_attached` and `audit_detached`. @defaultValue `attachment-1`, `attachment-2` … */
  readonly id?: string
  /** Which events the log receives; all by default. One that throws lets the event pass: a doubt must not make a gap. */
  readonly filter?: (event: AuditEventInput) => boolean
  /** The tenant of events that name none. @defaultValue the log's default, `default` */
  readonly tenantId?: string
}

/** A log that receives what a processor sees. */
export interface Attachment {
  readonly id: string
  readonly log: AuditLogWriter
  /**
   * Ends it. Resolves when everything seen so far is durable; runs still open are listed in `audit_detached`.
   * Calling it again returns the same promise.
   *
   * @throws AuditLogError `AUDIT_WRITE_FAILED`, `AUDIT_LOG_CLOSED`
   */
  detach(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

type OpenRuns = AuditEventData<'audit_attached'>['openRuns']

const OWN_SOURCE = Object.freeze({ convention: 'spanledger', scope: 'spanledger' })

/** The logs that receive events just now. */
export class Attachments {
  #attached: readonly LogAttachment[] = []
  #count = 0
  readonly #openRuns: () => OpenRuns
  readonly #onDetaching: () => void
  readonly #onProblem: (problem: unknown) => void
  readonly #onChange: () => void

  constructor(options: {
    openRuns: () => OpenRuns
    onDetaching: () => void
    onProblem: (problem: unknown) => void
    onChange: () => void
  }) {
    this.#openRuns = options.openRuns
    this.#onDetaching = options.onDetaching
    this.#onProblem = options.onProblem
    this.#onChange = options.onChange
  }

  get size(): number {
    return this.#attached.length
  }

  get all(): readonly Attachment[] {
    return this.#attached
  }

  /** @throws TypeError when another attachment has the id. */
  attach(log: AuditLogWriter, options: AttachOptions = {}): Attachment {
    const existing = this.#attached.find((attachment) => attachment.log === log)
    if (existing) return existing
    if (typeof log?.record !== 'function') throw new TypeError('attach: expected an open audit log')
    const id = options.id ?? this.#freeId()
    if (this.#attached.some((attachment) => attachment.id === id))
      throw new TypeError(`attach: '${id}' is attached already`)
    const attachment = new LogAttachment(id, log, options, this.#onProblem, () => this.#remove(attachment))
    this.#attached = [...this.#attached, attachment]
    this.#onChange()
    attachment.note('audit_attached', this.#openRuns())
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

  #remove(attachment: LogAttachment): void {
    this.#onDetaching()
    const openRuns = this.#openRuns()
    this.#attached = this.#attached.filter((other) => other !== attachment)
    attachment.note('audit_detached', openRuns)
    this.#onChange()
  }
}

class LogAttachment implements Attachment {
  readonly id: string
  readonly log: AuditLogWriter
  readonly #tenantId: string | undefined
  readonly #filter: AttachOptions['filter']
  readonly #onProblem: (problem: unknown) => void
  readonly #onDetach: () => void
  #detached: Promise<void> | undefined

  constructor(
    id: string,
    log: AuditLogWriter,
    options: AttachOptions,
    onProblem: (problem: unknown) => void,
    onDetach: () => void,
  ) {
    this.id = id
    this.log = log
    this.#tenantId = options.tenantId
    this.#filter = options.filter
    this.#onProblem = onProblem
    this.#onDetach = onDetach
  }

  receive(draft: RecordInput): void {
    try {
      const event = this.#withTenant(draft)
      if (this.#passes(event)) this.log.record(event)
    } catch (problem) {
      this.#onProblem(problem)
    }
  }

  /** Attaching and detaching are on the record whatever the filter says. */
  note(type: 'audit_attached' | 'audit_detached', openRuns: OpenRuns): void {
    try {
      this.log.record(this.#withTenant({ type, data: { attachment: this.id, openRuns }, source: OWN_SOURCE }))
    } catch (problem) {
      this.#onProblem(problem)
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
    this.#onDetach()
    await this.log.flush()
  }

  #withTenant(draft: RecordInput): RecordInput {
    return this.#tenantId === undefined || draft.tenantId !== undefined ? draft : { ...draft, tenantId: this.#tenantId }
  }

  #passes(event: RecordInput): boolean {
    if (!this.#filter) return true
    try {
      return this.#filter(event) !== false
    } catch (problem) {
      this.#onProblem(problem)
      return true
    }
  }
}
