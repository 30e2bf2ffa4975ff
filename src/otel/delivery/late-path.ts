import { type Context, ROOT_CONTEXT } from '@opentelemetry/api'
import { rejectUnknownOptions } from '../../events/options.js'
import type { OpenSpan, SpanLike } from '../span.js'
import { BackdatedSpans } from './backdated.js'
import { Deliveries, type DeliveriesOptions } from './deliveries.js'
import type { Delivery, DeliveryResult } from './delivery.js'
import { hasEnded } from './taken.js'

/** Characters of the name of who delivers. */
const MAX_SOURCE_LENGTH = 256
const NOTHING_TAKEN: DeliveryResult = Object.freeze({ accepted: 0, repeated: 0, malformed: 0 })

export interface LatePathOptions extends DeliveriesOptions {
  readonly isRecording: () => boolean
  readonly isOnIn: (context: Context) => boolean
  /** Starts a span live, which was held. */
  readonly onLive: (span: OpenSpan, context: Context) => void
  /** A hook is called a second time for the same span. */
  readonly onSecondRegistration: () => void
}

/**
 * The way of spans that are delivered after the fact: by `deliver`, through the hooks as what they are, or through a live SDK
 * that starts and ends them at once. Everything else is live.
 */
export class LatePath {
  readonly #options: LatePathOptions
  readonly #deliveries: Deliveries
  readonly #backdated: BackdatedSpans
  /** Spans that have come through a hook, and may come through the other. */
  readonly #throughHooks = new WeakSet<object>()

  constructor(options: LatePathOptions) {
    this.#options = options
    this.#deliveries = new Deliveries(options)
    this.#backdated = new BackdatedSpans(options)
  }

  /** @throws TypeError for something else than lists of spans and log records, or a malformed source */
  deliver(delivery: Delivery): DeliveryResult {
    requireDelivery(delivery)
    return this.#take({ ...delivery, source: `${SENT}${delivery.source ?? ''}` })
  }

  #take(delivery: Delivery): DeliveryResult {
    const { isRecording, isOnIn, tracker } = this.#options
    if (!isRecording()) return NOTHING_TAKEN
    if (isOnIn(ROOT_CONTEXT)) return this.#deliveries.take(delivery)
    for (const span of delivery.spans ?? []) if (isObject(span)) tracker.suppressions.addSpan(span, ROOT_CONTEXT)
    for (const _ of delivery.logRecords ?? []) tracker.suppressions.addEvent(ROOT_CONTEXT)
    return NOTHING_TAKEN
  }

  /** A span comes through `onStart`. @returns whether it is not to be started live, or not yet */
  takesStart(span: OpenSpan, context: Context): boolean {
    if (hasEnded(span) && !isOpen(span)) {
      this.#takeOnce(span)
      return true
    }
    const backdated = this.#backdated
    if (backdated.isHolding) {
      if (backdated.holds(span)) {
        this.#options.onSecondRegistration()
        return true
      }
      backdated.release()
    }
    return backdated.beganLongAgo(span) && this.#mayHold(context) && backdated.hold(span, context)
  }

  /** A span comes through `onEnd`. @returns whether an SDK has started and ended it after the fact */
  seesEnd(span: SpanLike): boolean {
    return this.#backdated.end(span)
  }

  /**
   * Takes a span that has come through `onEnd` and is not followed, if it has never been open here: it was reported after
   * the fact, or it is plain data. Any other may have begun before a log was attached.
   */
  takesEnd(span: SpanLike, isBackdated: boolean): boolean {
    const isDelivered = isBackdated || this.#throughHooks.has(span) || isPlainData(span)
    if (!isDelivered || this.#options.tracker.suppressions.has(span)) return false
    this.#takeOnce(span)
    return true
  }

  /** Something happens to which the start of a span that is held may matter. */
  release(): void {
    this.#backdated.release()
  }

  /** Takes the time: called every few seconds. */
  tick(): void {
    this.#backdated.tick()
  }

  /** Translates what is whole by now. @param all - everything that has come */
  translate(options: { readonly all: boolean }): void {
    this.#deliveries.translate(options)
  }

  #mayHold(context: Context): boolean {
    return this.#options.isRecording() && this.#options.isOnIn(context)
  }

  #takeOnce(span: SpanLike): void {
    if (this.#throughHooks.has(span)) return
    this.#throughHooks.add(span)
    this.#take({ spans: [span] })
  }
}

/** Prefix of the names of senders. Who delivers without a name is a sender as well: only the hooks are this process. */
const SENT = 'sent:'

/** Files may hold anything. */
function isObject(span: unknown): span is object {
  return typeof span === 'object' && span !== null
}

function isPlainData(span: SpanLike): boolean {
  return typeof (span as Partial<OpenSpan>).isRecording !== 'function' && hasEnded(span)
}

/** Plain data does not say. */
function isOpen(span: Partial<OpenSpan>): boolean {
  return span.isRecording?.() ?? false
}

function requireDelivery(delivery: Delivery): void {
  rejectUnknownOptions('deliver', delivery, ['spans', 'logRecords', 'source'])
  // Attacker-controlled: a delivery, as a file or a request had it; the lists are copied span by span (taken.ts), the
  // source has at most 256 characters.
  const { spans = [], logRecords = [], source = '' } = delivery
  if (!Array.isArray(spans) || !Array.isArray(logRecords))
    throw new TypeError('deliver: spans and logRecords must be lists')
  if (typeof source !== 'string' || source.length > MAX_SOURCE_LENGTH)
    throw new TypeError(`deliver: source must be a text of at most ${MAX_SOURCE_LENGTH} characters`)
}
