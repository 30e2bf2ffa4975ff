// What the span processor costs a span, beside the SDK alone and beside what serialising a span to OTLP costs.
// All sides take turns in one process; figures are CPU time, differences are to the SDK alone in the same round.
import { trace } from '@opentelemetry/api'
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer'
import { AlwaysOffSampler, TracerProvider } from '@opentelemetry/sdk-trace'
import { AuditSpanProcessor } from '../dist/index.js'
import { quantile, spread } from './measure.mjs'

const SPANS = 10_000
const SPANS_A_TURN = 50
/** So many spans are timed together for the percentiles, as a clock's own cost and steps are not small beside one. */
const TIMED_TOGETHER = 10
const FULL = { rounds: 60, warmUps: 10 }
const QUICK = { rounds: 3, warmUps: 1 }

const HTTP = {
  'http.request.method': 'GET',
  'url.full': 'https://example.com/orders/17',
  'server.address': 'example.com',
  'server.port': 443,
  'network.protocol.version': '1.1',
}
const CHAT = { 'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'm-1', 'gen_ai.provider.name': 'p' }
const AGENT = {
  'gen_ai.operation.name': 'invoke_agent',
  'gen_ai.agent.name': 'planner',
  'gen_ai.conversation.id': 'conversation-1',
}
const TOOL = {
  'gen_ai.operation.name': 'execute_tool',
  'gen_ai.tool.name': 'search',
  'gen_ai.tool.call.id': 'call-1',
}

const ALONE = 'SDK alone'
const GLOBAL = 'attached, global provider'
const SHADOWED = 'shadowed'

export const title = 'Span overhead'

function http(tracer) {
  const span = tracer.startSpan('GET', { kind: 2, attributes: HTTP })
  span.setAttribute('http.response.status_code', 200)
  span.end()
}

function chat(tracer) {
  const span = tracer.startSpan('chat m-1', { kind: 2, attributes: CHAT })
  span.setAttribute('gen_ai.usage.input_tokens', 120)
  span.setAttribute('gen_ai.usage.output_tokens', 18)
  span.end()
}

/** Two events: a start and an end. */
function agent(tracer) {
  tracer.startSpan('invoke_agent planner', { attributes: AGENT }).end()
}

/** A request that is sampled away: the span of its server, a run, a call of a tool. Four events. */
function request(tracer) {
  const server = tracer.startSpan('GET', { kind: 1, attributes: HTTP })
  const run = tracer.startSpan('invoke_agent planner', { attributes: AGENT })
  const tool = tracer.startSpan('execute_tool search', { attributes: TOOL })
  tool.end()
  run.end()
  server.end()
}

const WORK = { 'HTTP span': http, 'model call': chat, 'agent run': agent }
const UNSAMPLED = { 'unsampled HTTP span': http, 'unsampled agent run': agent, 'unsampled request': request }
const EVENTS = {
  'HTTP span': 0,
  'model call': 1,
  'agent run': 2,
  'unsampled HTTP span': 0,
  'unsampled agent run': 2,
  'unsampled request': 4,
}

export async function run({ quick, log }) {
  const { rounds, warmUps } = quick ? QUICK : FULL
  const sides = sidesOf()
  for (let round = -warmUps; round < rounds; round++) {
    for (const side of sides) await measure(side, round >= 0)
  }
  const result = {
    rounds,
    spans: SPANS,
    sides: sides.map(({ kind, name, nanos, timed, heapBytes }) => {
      const alone = sides.find((side) => side.kind === kind)
      return {
        kind,
        name,
        events: name === 'attached' || name === SHADOWED ? EVENTS[kind] : 0,
        nanosPerSpan: spread(nanos),
        addedNanos: spread(nanos.map((value, at) => value - alone.nanos[at])),
        p50: quantile(timed, 0.5),
        p99: quantile(timed, 0.99),
        heapBytesPerSpan: quantile(heapBytes, 0.5),
      }
    }),
  }
  for (const { kind, name, addedNanos } of result.sides)
    log(`${kind}, ${name}: adds ${addedNanos.median.toFixed(0)} ns`)
  const added = (name) =>
    result.sides.find((side) => side.kind === 'model call' && side.name === name).addedNanos.median
  return { ...result, eventToProtobuf: added('attached') / added('OTLP protobuf') }
}

function sidesOf() {
  const idle = { onStart() {}, onEnd() {}, forceFlush: async () => {}, shutdown: async () => {} }
  const attached = new AuditSpanProcessor()
  // What a log does with an event is another benchmark's: this one ends where the event leaves the processor.
  attached.attach({
    location: 'nowhere',
    record() {},
    flush: async () => {},
    append: async () => {},
    counters: () => ({}),
  })
  const processors = {
    [ALONE]: idle,
    detached: new AuditSpanProcessor(),
    attached,
    'OTLP protobuf': { ...idle, onEnd: (span) => ProtobufTraceSerializer.serializeRequest([span]) },
  }
  const sides = Object.entries(WORK).flatMap(([kind, work]) =>
    Object.entries(processors).map(([name, processor]) =>
      side(kind, name, work, new TracerProvider({ spanProcessors: [processor] }).getTracer('bench')),
    ),
  )
  // Beside `attached`: the look that the processor has at the spans of the global provider.
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [attached] }))
  const sampled = side('HTTP span', GLOBAL, http, trace.getTracer('bench'))
  trace.disable()
  // The same provider twice: a tracer that the processors of this process do not look at, and one of the global provider.
  const off = () => new TracerProvider({ sampler: new AlwaysOffSampler() })
  trace.setGlobalTracerProvider(off())
  const shadowing = trace.getTracer('bench')
  const unsampled = Object.entries(UNSAMPLED).flatMap(([kind, work]) => [
    side(kind, ALONE, work, off().getTracer('bench')),
    side(kind, SHADOWED, work, shadowing),
  ])
  return [...sides, sampled, ...unsampled]
}

function side(kind, name, work, tracer) {
  return { kind, name, work, tracer, nanos: [], timed: [], heapBytes: [] }
}

async function measure({ work, tracer, nanos, timed, heapBytes }, counts) {
  const before = process.cpuUsage()
  for (let turn = 0; turn < SPANS / SPANS_A_TURN; turn++) {
    for (let span = 0; span < SPANS_A_TURN; span++) work(tracer)
    await null // the turn ends, as it does in a service
  }
  const { user, system } = process.cpuUsage(before)
  if (!counts) return
  nanos.push(((user + system) * 1000) / SPANS)

  for (let time = 0; time < SPANS_A_TURN; time++) {
    const began = performance.now()
    for (let span = 0; span < TIMED_TOGETHER; span++) work(tracer)
    timed.push(((performance.now() - began) * 1e6) / TIMED_TOGETHER)
  }
  await null
  const heapBefore = process.memoryUsage().heapUsed
  for (let span = 0; span < SPANS_A_TURN; span++) work(tracer)
  // A collection in between takes away: such a round is far below the median.
  heapBytes.push((process.memoryUsage().heapUsed - heapBefore) / SPANS_A_TURN)
  await null
}

export function tables({ sides, rounds, spans, eventToProtobuf }) {
  return [
    {
      title: `${rounds} rounds of ${spans.toLocaleString('en')} spans; nanoseconds a span`,
      columns: ['', 'adds', 'middle half of the rounds', 'CPU', 'p50', 'p99', 'heap B'],
      rows: sides.map(({ kind, name, events, addedNanos, nanosPerSpan, p50, p99, heapBytesPerSpan }) => [
        `${kind}: ${name}${events > 0 ? ` (${events} ${events === 1 ? 'event' : 'events'})` : ''}`,
        ...(name === ALONE
          ? ['', '']
          : [addedNanos.median.toFixed(0), `${addedNanos.low.toFixed(0)} to ${addedNanos.high.toFixed(0)}`]),
        ...[nanosPerSpan.median, p50, p99, heapBytesPerSpan].map((value) => value.toFixed(0)),
      ]),
    },
    {
      title: 'One event, journal apart, beside what serialising its span to OTLP protobuf costs',
      columns: ['×'],
      rows: [[eventToProtobuf.toFixed(2)]],
    },
  ]
}
