import { AlwaysOffSampler, BasicTracerProvider, type Sampler, type SpanProcessor } from '@opentelemetry/sdk-trace-base'
import { type AuditSpanProcessor, auditSampler } from 'spanledger'

// Compiled, never run: the package that most applications still take SDK 2.x from.

export const isSpanProcessor = (audit: AuditSpanProcessor): SpanProcessor => audit
export const isSampler = (sampler: Sampler): Sampler => auditSampler(sampler)

export function registersWithTheProvider(audit: AuditSpanProcessor): BasicTracerProvider {
  return new BasicTracerProvider({ spanProcessors: [audit], sampler: auditSampler(new AlwaysOffSampler()) })
}
