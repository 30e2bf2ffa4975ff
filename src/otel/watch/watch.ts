import type { Attributes, Context, Span } from '@opentelemetry/api'
import { registeredProvider, watchRegistrations } from './api-registry.js'
import { observe } from './reveal.js'
import { watchProvider } from './watched-provider.js'
import { type SpanAudience, Watcher, watchers } from './watchers.js'

export type { SpanAudience } from './watchers.js'

/** Spans for which the processor's hooks were not called. */
export interface ProviderCounts {
  /** Spans that no provider recorded. A shadow stood for each. */
  readonly sampledAway: number
  /** Spans of a provider that the processor is not registered with. They were followed from outside. */
  readonly foreign: number
  /** Spans that were not shown to it though auditing is on, since tracing is suppressed where they started. */
  readonly suppressed: number
}

/** A span that `withRun` has started, with a tracer of any provider. */
export interface StartedByHand {
  readonly name: string
  readonly attributes: Attributes
  readonly context: Context
}

const OWN_SCOPE = Object.freeze({ name: 'spanledger' })

let isWatching = false

/**
 * Sees to it that a processor is shown every span of the global provider that may be an agent's, whatever the sampler decides
 * and whoever's provider it is. Spans of providers that are not global are seen if the processor is registered with these,
 * and if they record.
 */
export class ProviderWatch {
  readonly #watcher: Watcher

  constructor(audience: SpanAudience) {
    this.#watcher = new Watcher(audience)
    watchers.push(this.#watcher)
    if (!isWatching) {
      isWatching = true
      watchRegistrations(watchProvider)
    }
    // What was registered by another route, or disabled and set up anew.
    watchProvider(registeredProvider())
  }

  /** Notes whether a log is attached: without one the processor is shown nothing. */
  set isRecording(isRecording: boolean) {
    this.#watcher.isRecording = isRecording
  }

  /** The span is reaching `onStart` of the processor. */
  onStart(span: object): void {
    this.#watcher.lastSeen = span
  }

  /** Follows a span that `withRun` has started from here on, unless the processor has seen its start. */
  follow(span: Span, { name, attributes, context }: StartedByHand): void {
    if (this.#watcher.lastSeen === span) return
    observe(span, { name, options: { attributes }, context, scope: OWN_SCOPE }, [this.#watcher])
  }

  /** Returns what was counted so far. */
  report(): ProviderCounts {
    watchProvider(registeredProvider())
    const { shadows, observed, suppressed } = this.#watcher
    return { sampledAway: shadows, foreign: observed, suppressed }
  }

  /** From here on the processor is shown nothing. */
  stop(): void {
    const at = watchers.indexOf(this.#watcher)
    if (at >= 0) watchers.splice(at, 1)
  }
}
