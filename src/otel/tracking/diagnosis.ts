import { isCutJson } from '../conventions/shared/cut-json.js'
import { type SpanLike, scopeOf } from '../span.js'
import type { SpanExplanation } from './explain.js'

/** A first look after so long: an application has started by then. */
export const DIAGNOSIS_AFTER_MILLIS = 30_000
type Finding = 'no log' | 'no span' | 'no agent'

/** Instrumentation scopes, and attributes, that are named. */
const MAX_NAMED = 8

/**
 * Tells, while spans are explained, why a trail stays empty: no log is attached, no span comes, none is an agent's, or
 * limits of the SDK took what spans told. Each is said once.
 */
export class Diagnosis {
  readonly #say: (message: string) => void
  readonly #said = new Set<Finding>()
  readonly #scopes = new Set<string>()
  #spans = 0
  #agents = 0

  /** @param say - takes a sentence for the developer */
  constructor(say: (message: string) => void) {
    this.#say = say
  }

  /** A span has started. */
  onStart(span: SpanLike, isAttached: boolean): void {
    this.#spans++
    if (this.#scopes.size < MAX_NAMED) this.#scopes.add(scopeOf(span).name)
    if (!isAttached) this.#sayUnattached()
  }

  /** A span is explained. */
  onExplained({ convention }: SpanExplanation): void {
    if (convention !== undefined) this.#agents++
  }

  /** A span has ended: the SDK has taken from it by now what it takes. */
  onEnd(span: SpanLike): void {
    const dropped = span.droppedAttributesCount ?? 0
    const keys = Object.keys(span.attributes)
    const cut = keys.filter((key) => isCutJson(span.attributes[key]))
    const { spanId } = span.spanContext()
    if (dropped > 0) {
      this.#say(
        `span '${span.name}' (${spanId}): the SDK has dropped ${dropped} attributes, all that were set after '${keys.at(-1)}'. ` +
          'Raise OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT',
      )
    }
    if (cut.length > 0) {
      this.#say(
        `span '${span.name}' (${spanId}): cut, or too long to be read to the end: ${cut.slice(0, MAX_NAMED).join(', ')}. ` +
          'If it is cut, raise OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT',
      )
    }
  }

  /** Says what is missing so far. */
  review(isAttached: boolean): void {
    if (!isAttached) this.#sayUnattached()
    if (this.#spans === 0) {
      this.#sayOnce(
        'no span',
        'no span has been seen. Register this processor (`new NodeSDK({ spanProcessors: [audit] })`), start the SDK before ' +
          'the application is loaded, and look at the sampler: what is not sampled is not seen',
      )
    } else if (isAttached && this.#agents === 0) {
      this.#sayOnce(
        'no agent',
        `spans have been seen, of the scopes ${[...this.#scopes].map((name) => `'${name}'`).join(', ')}, but none of an agent. ` +
          'Switch the telemetry of the framework on (AI SDK 5 and 6: `experimental_telemetry: { isEnabled: true }` in each call; 7: `@ai-sdk/otel`), or register its instrumentation',
      )
    }
  }

  #sayUnattached(): void {
    this.#sayOnce(
      'no log',
      'no log is attached, so nothing is recorded. Call `attach(await openAuditLog(…))`, or give the processor a `log` or a `location`',
    )
  }

  #sayOnce(finding: Finding, message: string): void {
    if (this.#said.has(finding)) return
    this.#said.add(finding)
    this.#say(message)
  }
}
