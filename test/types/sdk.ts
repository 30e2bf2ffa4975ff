import { LoggerProvider, type LogRecordProcessor, type ReadableLogRecord } from '@opentelemetry/sdk-logs'
import { NodeSDK } from '@opentelemetry/sdk-node'
import {
  ParentBasedSampler,
  type ReadableSpan,
  type Sampler,
  type SpanProcessor,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import { AuditLogRecordProcessor, AuditSpanProcessor, auditSampler } from 'spanledger'

// Compiled against SDK 2.x and 3.x, never run: the published types name no SDK, and fit both.

export function registersWithNodeSdk(audit: AuditSpanProcessor): NodeSDK {
  return new NodeSDK({
    spanProcessors: [audit],
    logRecordProcessors: [new AuditLogRecordProcessor(audit)],
    sampler: auditSampler(new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(0.01) })),
  })
}

export function registersWithTheProviders(): [TracerProvider, LoggerProvider] {
  const audit = new AuditSpanProcessor({ location: './audit' })
  return [
    new TracerProvider({ spanProcessors: [audit], sampler: auditSampler(new TraceIdRatioBasedSampler(0.01)) }),
    new LoggerProvider({ processors: [new AuditLogRecordProcessor(audit)] }),
  ]
}

export function delivers(audit: AuditSpanProcessor, spans: ReadableSpan[], logRecords: ReadableLogRecord[]): number {
  return audit.deliver({ spans, logRecords }).accepted
}

export const isSpanProcessor = (audit: AuditSpanProcessor): SpanProcessor => audit
export const isLogRecordProcessor = (audit: AuditLogRecordProcessor): LogRecordProcessor => audit
export const isSampler = (sampler: Sampler): Sampler => auditSampler(sampler)

// @ts-expect-error what hears log records hears no spans: the assignments above do not hold for just anything
export const isNoSpanProcessor = (audit: AuditLogRecordProcessor): SpanProcessor => audit
