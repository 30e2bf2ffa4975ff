import { type Context, context, propagation } from '@opentelemetry/api'
import { contextScope } from '../../record/context.js'
import { atEndOfTurnUnref } from '../../timers/real-timers.js'
import type { OpenSpan, SpanLike } from '../span.js'

/** A span that begins so long before it is started is reported after the fact, or an odd clock's. */
const LONG_AGO_SECONDS = 5
/** A span that has been open for longer is no reason any more to take others for parts of the same work. */
const MAX_OPEN_MILLIS = 60_000

interface Held {
  readonly span: OpenSpan
  readonly context: Context
  /** The context that was active when the span started. */
  readonly active: Context
}

export interface BackdatedSpansOptions {
  readonly nowMillis: () => number
  /** Translates a held start after all. */
  readonly onLive: (span: OpenSpan, context: Context) => void
}

/**
 * Finds spans that somebody tells after the fact through a live SDK, such as a framework that keeps its own trace and
 * exports it at the end: started with a time long past and ended in the same turn, with nothing else in between. Their
 * parents may not have been reported yet.
 *
 * The start of such a span is held until it ends or something else happens, at most until the turn is over. One that is
 * not reported after the fact, or whose parent is open here, is translated live.
 */
export class BackdatedSpans {
  readonly #options: BackdatedSpansOptions
  #nowSeconds: number
  #held: Held | undefined = undefined
  /** Spans of the kind that are open all the same: a whole tree may be reported again, in the right order. */
  readonly #open = new Map<object, number>()

  constructor(options: BackdatedSpansOptions) {
    this.#options = options
    this.#nowSeconds = Math.floor(options.nowMillis() / 1000)
  }

  /** Called every few seconds: asking the clock for each span would cost too much. */
  tick(): void {
    this.#nowSeconds = Math.floor(this.#options.nowMillis() / 1000)
  }

  /** Tells whether the start of a span is held. */
  get isHolding(): boolean {
    return this.#held !== undefined
  }

  /** Tells whether a span that starts now says that it began long ago. */
  beganLongAgo({ startTime }: OpenSpan): boolean {
    return startTime[0] + LONG_AGO_SECONDS < this.#nowSeconds
  }

  /** @returns whether the start of the span is held */
  hold(span: OpenSpan, within: Context): boolean {
    // Whose it is, and whether it is recorded, is said by what is active now.
    if (contextScope(within) || propagation.getBaggage(within)) return false
    const held = { span, context: within, active: context.active() }
    this.#held = held
    atEndOfTurnUnref(() => {
      if (this.#held === held) this.release()
    })
    return true
  }

  /** Tells whether the start of this very span is held. */
  holds(span: OpenSpan): boolean {
    return this.#held?.span === span
  }

  /** Translates the start that is held, if any, since something else happens. */
  release(): void {
    const held = this.#held
    if (!held) return
    this.#held = undefined
    this.#open.set(held.span, this.#options.nowMillis())
    context.with(held.active, () => this.#options.onLive(held.span, held.context))
  }

  /** A span has ended. @returns whether it was reported after the fact, and nothing of it is translated yet */
  end(span: SpanLike): boolean {
    if (this.#held?.span !== span) {
      this.release()
      if (this.#open.size > 0) this.#open.delete(span)
      return false
    }
    if (this.#hasOpen()) {
      this.release()
      this.#open.delete(span)
      return false
    }
    this.#held = undefined
    return true
  }

  #hasOpen(): boolean {
    const earliest = this.#options.nowMillis() - MAX_OPEN_MILLIS
    for (const [span, millis] of this.#open) {
      if (millis >= earliest) return true
      this.#open.delete(span)
    }
    return false
  }
}
