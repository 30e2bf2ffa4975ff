import type { Attributes, HrTime } from '@opentelemetry/api'
import { beforeEach, onTestFinished, vi } from 'vitest'
import { AuditSpanProcessor } from '../../src/otel/processor.js'
import type { SpanEventLike, SpanLike } from '../../src/otel/span.js'
import { CollectingLog } from './collecting-log.js'

/* Spans as they are delivered after the fact. */

export const BEGIN_SECONDS = 1_790_000_000

export const MINUTE_MILLIS = 60_000

/** Sets the clock of each test of a file to the day after the spans. Its timers go off by hand. */
export function useDayAfter(): void {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date', 'setInterval', 'clearInterval'], now: (BEGIN_SECONDS + 86_400) * 1000 })
    return () => void vi.useRealTimers()
  })
}

export interface Plan {
  readonly id: string
  readonly from: number
  readonly to: number
  readonly below?: string
  readonly trace?: string
  readonly attributes: Attributes
  readonly events?: readonly SpanEventLike[]
  readonly service?: string
}

/** A moment so many seconds after the beginning. */
export function at(seconds: number): HrTime {
  return [BEGIN_SECONDS + seconds, 0]
}

export function span({
  id,
  from,
  to,
  below,
  trace: traceId = 'a1',
  attributes,
  events = [],
  service = 's',
}: Plan): SpanLike {
  return {
    name: id,
    kind: 0,
    spanContext: () => ({ traceId, spanId: id, traceFlags: 1 }),
    ...(below !== undefined && { parentSpanContext: { traceId, spanId: below, traceFlags: 1 } }),
    startTime: at(from),
    endTime: at(to),
    status: { code: 0 },
    attributes,
    events,
    resource: { attributes: { 'service.name': service } },
    instrumentationScope: { name: 'test' },
  }
}

export const agent = (name: string) => ({ 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': name })

export const TOOL = { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': 'search' }

export const planner = { id: 'p1', from: 0, to: 30, attributes: agent('planner') }

export const search = { id: 'c1', from: 10, to: 12, below: 'p1', attributes: TOOL }

export function start(options = {}): { audit: AuditSpanProcessor; log: CollectingLog } {
  const log = new CollectingLog()
  const audit = new AuditSpanProcessor({ log, ...options })
  onTestFinished(() => audit.shutdown())
  return { audit, log }
}

export const WHOLE = ['run_started', 'tool_call_started', 'tool_call_completed', 'run_completed']
