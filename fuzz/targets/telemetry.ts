import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Attributes, DiagLogLevel, diag, ROOT_CONTEXT, type Span, trace } from '@opentelemetry/api'
import { TracerProvider } from '@opentelemetry/sdk-trace'
import { AuditSpanProcessor } from '../../src/otel/processor.js'
import type { RecordedSpan } from '../../test/replay/recording.js'
import { CollectingLog } from '../../test/support/collecting-log.js'
import { claim, Finding } from '../support/oracle.js'
import { json, jsonOf } from '../support/target.js'

/*
 * Spans, whose names, attributes and events anybody in the process may have set to anything: an input is a list of them
 * in JSON, those that follow a span being its children while it is open.
 *
 * Oracles: the processor throws nothing, and nothing fails inside it either.
 */
interface SaidSpan {
  readonly name?: unknown
  readonly scope?: unknown
  readonly start?: unknown
  readonly end?: unknown
  readonly events?: unknown
  readonly error?: unknown
  readonly depth?: unknown
}

const problems: unknown[] = []
const keep = (...words: unknown[]) => void problems.push(words)
diag.setLogger({ error: keep, warn() {}, info() {}, debug() {}, verbose() {} }, DiagLogLevel.ERROR)

const audit = new AuditSpanProcessor()
const provider = new TracerProvider({ spanProcessors: [audit] })
const log = new CollectingLog()
audit.attach(log)

export async function fuzz(bytes: Buffer): Promise<void> {
  const said = jsonOf(bytes)
  if (!Array.isArray(said)) return
  log.events.length = 0
  problems.length = 0
  const open: Span[] = []
  for (const span of said.slice(0, 16)) {
    if (typeof span !== 'object' || span === null) continue
    const { name, scope, start, depth } = span as SaidSpan
    while (open.length > (typeof depth === 'number' ? depth : 0)) close(open.pop())
    const parent = open.at(-1)
    const context = parent ? trace.setSpan(ROOT_CONTEXT, parent) : ROOT_CONTEXT
    const options = { attributes: attributesOf(start) }
    open.push(provider.getTracer(String(scope)).startSpan(String(name), options, context))
    ends.set(open.at(-1) as Span, span as SaidSpan)
    await Promise.resolve()
  }
  while (open.length > 0) close(open.pop())
  await Promise.resolve()
  if (problems.length > 0) throw new Finding('the processor failed', { cause: problems[0] })
  claim(log.events.length < 16 * 100, 'a few spans make events without number')
}

const ends = new WeakMap<Span, SaidSpan>()

function close(span: Span | undefined): void {
  if (!span) return
  const { end, events, error } = ends.get(span) ?? {}
  span.setAttributes(attributesOf(end))
  for (const event of Array.isArray(events) ? events.slice(0, 8) : []) {
    const { name, attributes } = Object(event) as { name?: unknown; attributes?: unknown }
    span.addEvent(String(name), attributesOf(attributes))
  }
  if (error !== undefined) span.setStatus({ code: 2, message: String(error) })
  span.end()
}

function attributesOf(value: unknown): Attributes {
  return typeof value === 'object' && value !== null ? (value as Attributes) : {}
}

/** From the root of the project, where both the fuzzer and the tests run. */
const RECORDINGS = 'test/fixtures/recordings'
const MAX_SEED_BYTES = 6_000

/** Spans of every framework that was recorded, one by one and below each other. */
export function seeds(): Buffer[] {
  return readdirSync(RECORDINGS).flatMap((framework) => {
    const [scenario] = readdirSync(join(RECORDINGS, framework)).sort()
    const spans = recordedSpans(join(RECORDINGS, framework, String(scenario)))
    const nested = json(spans.slice(0, 3).map((span, depth) => ({ ...span, depth })))
    return [...spans.slice(0, 4).map((span) => json([span])), nested].filter(({ length }) => length < MAX_SEED_BYTES)
  })
}

function recordedSpans(path: string): SaidSpan[] {
  const spans = JSON.parse(readFileSync(path, 'utf8')) as readonly Partial<RecordedSpan>[]
  return spans.flatMap(({ name, instrumentationScope, start, attributes, events, status }) => {
    if (!instrumentationScope || !start) return []
    const scope = instrumentationScope.name
    return [{ name, scope, start: start.attributes, end: attributes, events, error: status?.message }]
  })
}
