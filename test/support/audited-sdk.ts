import { context, type Tracer, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import type { Resource } from '@opentelemetry/resources'
import {
  type IdGenerator,
  type Sampler,
  type SpanLimits,
  type SpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import { onTestFinished } from 'vitest'
import type { AuditSpanProcessorOptions } from '../../src/otel/options.js'
import { AuditSpanProcessor } from '../../src/otel/processor.js'
import { CollectingLog } from './collecting-log.js'

interface SdkOptions {
  readonly sampler?: Sampler
  readonly spanLimits?: SpanLimits
  readonly resource?: Resource
  readonly idGenerator?: IdGenerator
  /** Span processors that are registered before the audit span processor, and after it. */
  readonly before?: readonly SpanProcessor[]
  readonly after?: readonly SpanProcessor[]
}

export interface AuditedSdk {
  readonly audit: AuditSpanProcessor
  readonly tracer: Tracer
}

/** A real SDK, registered globally until the test has finished, with an audit span processor and no log attached. */
export function startAuditedSdk(options: AuditSpanProcessorOptions = {}, sdk: SdkOptions = {}): AuditedSdk {
  const audit = new AuditSpanProcessor(options)
  const { before = [], after = [], ...others } = sdk
  const provider = new TracerProvider({ ...others, spanProcessors: [...before, audit, ...after] })
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  trace.setGlobalTracerProvider(provider)
  onTestFinished(async () => {
    await audit.shutdown()
    trace.disable()
    context.disable()
  })
  return { audit, tracer: provider.getTracer('test', '1.0.0') }
}

/** The same, with a log attached that keeps what it is given. */
export function startRecordingSdk(
  options: AuditSpanProcessorOptions = {},
  sdk: SdkOptions = {},
): AuditedSdk & { readonly log: CollectingLog } {
  const log = new CollectingLog()
  const started = startAuditedSdk(options, sdk)
  started.audit.attach(log)
  return { ...started, log }
}

/** Lets the microtasks run in which spans are looked at again. */
export async function nextTurn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}
