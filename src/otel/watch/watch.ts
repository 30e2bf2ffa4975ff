import type { Attributes, Context, Span } from '@opentelemetry/api'
import { registeredProvider, watchRegistrations } from './api-registry.js'
import { observe } from './reveal.js'
import { hasDelegate, watchProvider } from './watched-provider.js'
import { type SpanAudience, Watcher, watchers } from './watchers.js'

export type { SpanAudience } from './watchers.js'

/** What a processor knows of the global tracer provider, and of the spans that it was not told of by its hooks. */
export interface ProviderState {
  /**
   * - `none`: no tracer provider is registered globally.
   * - `sdk`: this processor is registered with the global provider.
   * - `foreign`: it is not; spans of that provider are observed from outside.
   * - `unknown`: one is registered, and no span has told which of the two.
   */
  readonly provider: 'none' | 'sdk' | 'foreign' | 'unknown'
  /** Whether this processor is registered with the global provider; `undefined` while that is not known. */
  readonly isProcessorRegistered: boolean | undefined
  /** Spans that have reached this processor in any way. */
  readonly spansSeen: number
  /** Of these, spans that do not record: sampled away, or without a provider. A shadow stands for each. */
  readonly shadows: number
  /** Of these, recording spans that the processor's own hooks were not told of. */
  readonly observed: number
  /** Spans that were not seen though auditing is on, since tracing is suppressed where they started. */
  readonly sampledAway: number
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
    this.#watcher.spansSeen++
  }

  /** Follows a span that `withRun` has started from here on, unless the processor has seen its start. */
  follow(span: Span, { name, attributes, context }: StartedByHand): void {
    if (this.#watcher.lastSeen === span) return
    observe(span, { name, options: { attributes }, context, scope: OWN_SCOPE }, [this.#watcher])
  }

  /** Tells what is known just now. */
  state(): ProviderState {
    const { spansSeen, shadows, observed, suppressed } = this.#watcher
    const current = registeredProvider()
    watchProvider(current)
    const isRegistered = observed > 0 ? false : spansSeen > shadows ? true : undefined
    return {
      provider: !hasDelegate(current)
        ? 'none'
        : isRegistered === undefined
          ? 'unknown'
          : isRegistered
            ? 'sdk'
            : 'foreign',
      isProcessorRegistered: isRegistered,
      spansSeen,
      shadows,
      observed,
      sampledAway: suppressed,
    }
  }

  /** From here on the processor is shown nothing. */
  stop(): void {
    const at = watchers.indexOf(this.#watcher)
    if (at >= 0) watchers.splice(at, 1)
  }
}
