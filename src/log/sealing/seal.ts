import { millisBetween, nanosecondAfter, type Timestamp } from '../../events/time.js'
import type { AuditEvent, AuditEventInput } from '../../events/types.js'
import type { RecordInput } from '../contract.js'
import { boundEvent } from './bounded-event.js'
import { type Clock, type ClockStep, WatchedClock } from './clock.js'
import { agentIn, completeEnvelope, copyAlterations, DEFAULT_SCOPE, withholdAuthority } from './envelope.js'
import { type EncodedEntry, EntryEncoder } from './leaf.js'
import { copyPlain } from './plain.js'

/** OpenTelemetry times the spans of a trace by a clock of its own, which may be ahead of the log's by so much. */
const MAX_LEAD_MILLIS = 5

/** An event that was sealed. */
export interface Sealed {
  readonly entry: EncodedEntry
  /** The event as the entry has it. */
  readonly event: AuditEvent
}

/** The parts of an event that its log adds. */
interface Added {
  /** Origin of the log, when the log makes a statement about itself. */
  readonly statementOf?: string
  readonly content?: AuditEvent['content']
}

/** Turns events into entries, once: after sealing nothing changes them. One per log. */
export class Sealer {
  readonly #clock: WatchedClock
  readonly #encoder = new EntryEncoder()
  readonly #recordedNow = (happenedAt?: Timestamp) => this.now(happenedAt)
  /** An entry with a caller's id shows whether its time was given: the two times are the same where it was left out. */
  readonly #recordedApart = (happenedAt?: Timestamp) => {
    const now = this.now(happenedAt)
    return now === happenedAt ? nanosecondAfter(now) : now
  }
  /** The origin of the log, by which it marks the statements that it makes about itself. */
  readonly origin: string

  /**
   * @param origin - of the log
   * @param recordedAt - of the log's last entry: a clock with an earlier time was set back since
   * @param monotonicMillis - the clock by which a step of the other one is noticed
   */
  constructor(clock: Clock, origin: string, recordedAt: Timestamp = '', monotonicMillis?: () => number) {
    this.#clock = new WatchedClock(clock, recordedAt, monotonicMillis)
    this.origin = origin
  }

  /**
   * Completes the event's envelope and encodes it. It never throws: content that has no place in an entry (cyclic,
   * unreadable, not JSON, too deep, too large …) is changed, and the event's `altered` says so.
   *
   * A type that is reserved for statements of the log becomes a `custom` event of that name: see {@link sealStatement}.
   *
   * @param callerId - the caller chose `input.id`
   * @param content - what the entry says of the content that was taken out
   */
  seal(input: RecordInput, callerId: boolean, content?: AuditEvent['content']): Sealed {
    return this.#seal(input, callerId, { content })
  }

  /**
   * Seals what the log says of itself. For the log's own code alone: readers and `verify` believe it.
   *
   * @param callerId - `statement.id` is to be recognised if it is brought again
   */
  sealStatement(statement: AuditEventInput, callerId = false): Sealed {
    return this.#seal(statement, callerId, { statementOf: this.origin })
  }

  #seal(input: RecordInput, callerId: boolean, added: Added): Sealed {
    return this.#sealPlain(input, callerId, added) ?? this.#sealBounded(input, callerId, added)
  }

  /** The common way: one copy, one text, one encoding, one hash. `undefined` for what needs changes. */
  #sealPlain(input: RecordInput, callerId: boolean, { statementOf, content }: Added): Sealed | undefined {
    try {
      const data = copyPlain(statementOf === undefined ? input.data : stated(input))
      const fallbackAgent = input.type === 'run_started' ? agentIn(data) : undefined
      const recordedNow = callerId ? this.#recordedApart : this.#recordedNow
      const draft = completeEnvelope(input, { recordedNow, fallbackAgent, statementOf })
      draft.data = data
      withholdAuthority(draft)
      const { altered } = input
      if (altered !== undefined && altered.length > 0) draft.altered = copyAlterations(altered)
      if (content !== undefined) draft.content = content
      const entry = this.#encoder.encode(draft, callerId)
      return entry && { entry, event: draft as AuditEvent }
    } catch {
      return undefined
    }
  }

  #sealBounded(input: RecordInput, callerId: boolean, { statementOf, content }: Added): Sealed {
    const recordedNow = callerId ? this.#recordedApart : this.#recordedNow
    const completed = statementOf === undefined ? input : { ...input, data: stated(input) }
    const { draft, text } = boundEvent(completed, { recordedNow, statementOf }, content)
    return { entry: this.#encoder.encodeText(text, draft, callerId), event: draft as AuditEvent }
  }

  /**
   * Returns the time of the clock, also where that goes back: the order of a log is that of its positions. An event that, by
   * another clock which is a little ahead, happened later was not recorded before that.
   */
  now(happenedAt: Timestamp = ''): Timestamp {
    const now = this.#clock.now()
    return happenedAt > now && millisBetween(now, happenedAt) <= MAX_LEAD_MILLIS ? happenedAt : now
  }

  /**
   * Returns the step by which the clock was set since the last call. Record it before the entries sealed since then.
   */
  takeStep(): ClockStep | undefined {
    return this.#clock.takeStep()
  }

  /** Puts back a step that could not be recorded yet. */
  putBackStep(step: ClockStep): void {
    this.#clock.putBack(step)
  }

  /** The next entry stands behind one that was sealed before the log was opened. @param recordedAt - of that one */
  follow(recordedAt: Timestamp): void {
    this.#clock.follow(recordedAt)
  }
}

/** Returns the data of a statement, with the tenant under which the log has filed a run whose tenant nobody stated. */
function stated({ type, data }: RecordInput): RecordInput['data'] {
  if (type !== 'run_identified') return data
  const { previous } = data
  return { previous: { ...previous, tenantId: previous?.tenantId ?? DEFAULT_SCOPE } }
}
