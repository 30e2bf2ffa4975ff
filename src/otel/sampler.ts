import type { Attributes, Context, Link } from '@opentelemetry/api'
import { contextScope } from '../record/context.js'
import { reportSpanNotStarted } from '../record/switched-off.js'
import { isTransportSpan } from './transport.js'

/** `SamplingDecision` of the SDK's traces: what a sampler may answer. */
const NOT_RECORD = 0
const RECORD = 1

interface SamplingResultLike {
  readonly decision: number
}

/** The arguments of `shouldSample`, as the SDKs hand them over. */
type SamplingArguments = [
  context: Context,
  traceId: string,
  spanName: string,
  spanKind: number,
  attributes: Attributes,
  links: Link[],
]

/** The structure that the SDKs' samplers share. */
interface SamplerLike<Result extends SamplingResultLike> {
  shouldSample(...given: SamplingArguments): Result
  toString(): string
}

/**
 * Wraps a sampler so that sampling does not thin out the audit trail: spans that it drops and that may be an agent's
 * are recorded, but not exported. Exporters keep receiving what the wrapped sampler chose, no more; span processors,
 * and so `AuditSpanProcessor`, see all agent spans.
 *
 * Spans of the global tracer provider need no such sampler: the processor sees them whatever theirs decides. Wrap the sampler of
 * a provider that is not registered globally.
 *
 * At its start a span does not tell surely that it is an agent's: many instrumentations name it a moment later. So
 * every span is recorded but those of transports and databases, which say at once what they are.
 *
 * @param sampler the sampler that decides about exporting, such as `new TraceIdRatioBasedSampler(0.01)`
 * @example
 * ```ts
 * new NodeSDK({ sampler: auditSampler(new TraceIdRatioBasedSampler(0.01)), spanProcessors: [audit, exporting] })
 * ```
 */
export function auditSampler<Result extends SamplingResultLike>(sampler: SamplerLike<Result>): SamplerLike<Result> {
  if (typeof sampler?.shouldSample !== 'function') throw new TypeError('auditSampler: expected the sampler to wrap')
  return {
    shouldSample(...given) {
      const [context, , , , attributes] = given
      const result = sampler.shouldSample(...given)
      if (result.decision !== NOT_RECORD || isTransportSpan(attributes)) return result
      if (contextScope(context)?.enabled !== false) return { ...result, decision: RECORD }
      reportSpanNotStarted(context)
      return result
    },
    toString: () => `AuditSampler{${sampler.toString()}}`,
  }
}
