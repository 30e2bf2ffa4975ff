import { isCutJson } from '../conventions/shared/cut-json.js'
import { meaningOf } from '../health/reasons.js'
import { type SpanLike, scopeOf } from '../span.js'

type Finding = 'no_log' | 'no_span' | 'no_agent_span'

/** Instrumentation scopes, and attributes, that are named. */
const MAX_NAMED = 8

/**
 * Reports, while spans are explained, why a trail stays empty: no log is attached, no span comes, none is an agent's, or
 * limits of the SDK took what spans reported. Each is reported once.
 */
export class Diagnosis {
  readonly #report: (message: string) => void
  readonly #reported = new Set<Finding>()
  readonly #scopes = new Set<string>()
  readonly #seen: { readonly spans: number; readonly agentSpans: number }

  /**
   * @param report - takes a sentence for the developer
   * @param seen - counts that go on
   */
  constructor(report: (message: string) => void, seen: { readonly spans: number; readonly agentSpans: number }) {
    this.#report = report
    this.#seen = seen
  }

  /** A span has started. */
  onStart(span: SpanLike, isAttached: boolean): void {
    if (this.#scopes.size < MAX_NAMED) this.#scopes.add(scopeOf(span).name)
    if (!isAttached) this.#reportUnattached()
  }

  /** A span has ended: the SDK has taken from it by now what it takes. */
  onEnd(span: SpanLike): void {
    const dropped = span.droppedAttributesCount ?? 0
    const keys = Object.keys(span.attributes)
    const cut = keys.filter((key) => isCutJson(span.attributes[key]))
    const { spanId } = span.spanContext()
    if (dropped > 0) {
      this.#report(
        `span '${span.name}' (${spanId}): the SDK has dropped ${dropped} attributes, all that were set after '${keys.at(-1)}'. ` +
          'Raise OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT',
      )
    }
    if (cut.length > 0) {
      this.#report(
        `span '${span.name}' (${spanId}): cut, or too long to be read to the end: ${cut.slice(0, MAX_NAMED).join(', ')}. ` +
          'If it is cut, raise OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT',
      )
    }
  }

  /** Reports what is missing so far. */
  review(isAttached: boolean): void {
    if (!isAttached) this.#reportUnattached()
    if (this.#seen.spans === 0) this.#reportOnce('no_span', meaningOf('no_span'))
    else if (isAttached && this.#seen.agentSpans === 0) {
      const scopes = [...this.#scopes].map((name) => `'${name}'`).join(', ')
      this.#reportOnce('no_agent_span', `of the scopes ${scopes}: ${meaningOf('no_agent_span')}`)
    }
  }

  #reportUnattached(): void {
    this.#reportOnce('no_log', meaningOf('no_log'))
  }

  #reportOnce(finding: Finding, message: string): void {
    if (this.#reported.has(finding)) return
    this.#reported.add(finding)
    this.#report(message)
  }
}
