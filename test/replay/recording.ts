import { existsSync, readdirSync, readFileSync } from 'node:fs'
import type { Attributes, HrTime, Link } from '@opentelemetry/api'

/** One span as recorded: see test/fixtures/README.md. */
export interface RecordedSpan {
  readonly name: string
  readonly kind: number
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly startTime: HrTime
  readonly endTime: HrTime | null
  readonly status?: { readonly code: number; readonly message?: string }
  readonly attributes: Attributes
  readonly events: readonly { readonly name: string; readonly time: HrTime; readonly attributes?: Attributes }[]
  readonly links?: readonly Link[]
  readonly resource?: { readonly attributes: Attributes }
  readonly instrumentationScope: { readonly name: string; readonly version?: string }
  readonly start: {
    readonly seq: number
    readonly name: string
    readonly attributes: Attributes
    readonly keysAfterMicrotask?: readonly string[]
  }
  readonly endSeq: number | null
}

/** One log record as recorded. */
export interface RecordedLog {
  readonly eventName?: string
  readonly hrTime: HrTime
  readonly attributes: Attributes
  readonly body?: unknown
  readonly spanContext?: { readonly traceId: string; readonly spanId: string; readonly traceFlags: number }
  readonly instrumentationScope: { readonly name: string; readonly version?: string }
}

export interface Recording {
  readonly framework: string
  readonly scenario: string
  /** In the order of their start; those without an end leaked. */
  readonly spans: readonly RecordedSpan[]
  readonly logs: readonly RecordedLog[]
}

/** The number of times that something happened; `*` where any answer is right. */
export type Count = number | '*'

/** The truth about a scenario. A null says that the spans do not tell; `*`, that any answer is right. */
export interface Label {
  readonly runs: readonly {
    readonly agent: string | null
    readonly outcome: string
    readonly parent: number | null
    readonly sessionId?: string | null
    readonly error?: string | null
  }[]
  readonly toolCalls: readonly { readonly name: string | null; readonly outcome: string }[]
  readonly tokens: { readonly input: Count; readonly output: Count } | null
  readonly handoffs: readonly { readonly from: string | null; readonly to: string | null }[]
  readonly memoryRecalls: readonly { readonly tier: string | null; readonly hits: number | null }[]
  readonly compactions: Count
  readonly usageLimits: readonly { readonly axis: string }[]
  readonly resumed: Count
  readonly approvals: { readonly requested: Count; readonly granted: Count; readonly denied: Count }
  readonly unrecoverable: readonly string[]
  readonly notes: string
}

const FIXTURES = new URL('../fixtures/', import.meta.url)

export function frameworks(): readonly string[] {
  return readdirSync(new URL('labels/', FIXTURES)).map((file) => file.replace(/\.json$/, ''))
}

export function labelsOf(framework: string): Readonly<Record<string, Label>> {
  return readJson(`labels/${framework}.json`)
}

export function readRecording(framework: string, scenario: string): Recording {
  const at = `recordings/${framework}/${scenario}`
  const spans = [...readJson<RecordedSpan[]>(`${at}.json`), ...readOptional<RecordedSpan>(`${at}.unended.json`)]
  spans.sort((a, b) => a.start.seq - b.start.seq)
  return {
    framework,
    scenario,
    spans: spans.map((span) => ({ ...span, endSeq: span.endSeq ?? null })),
    logs: readOptional<RecordedLog>(`${at}.logs.json`),
  }
}

function readOptional<T>(path: string): T[] {
  return existsSync(new URL(path, FIXTURES)) ? readJson<T[]>(path) : []
}

function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(new URL(path, FIXTURES), 'utf8')) as T
}
