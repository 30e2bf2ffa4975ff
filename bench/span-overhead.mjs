// What the span processor costs a span, beside the SDK alone and beside what serialising a span to OTLP costs.
// All sides run interleaved in one process; figures are medians over rounds of CPU time, differences are to the SDK alone.
import { parseArgs } from 'node:util'
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer'
import { TracerProvider } from '@opentelemetry/sdk-trace'
import { AuditSpanProcessor } from 'spanledger'

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '60' } } })
const SPANS = 10_000
const SPANS_A_TURN = 50
const WARM_UP_ROUNDS = 10

const idle = { onStart() {}, onEnd() {}, forceFlush: async () => {}, shutdown: async () => {} }
const serialising = { ...idle, onEnd: (span) => ProtobufTraceSerializer.serializeRequest([span]) }
const attached = new AuditSpanProcessor()
// What a log does with an event is another benchmark's: this one ends where the event leaves the processor.
attached.attach({ location: 'nowhere', record() {}, flush: async () => {}, append: async () => {}, stats: () => ({}) })

const HTTP = {
  'http.request.method': 'GET',
  'url.full': 'https://example.com/orders/17',
  'server.address': 'example.com',
  'server.port': 443,
  'network.protocol.version': '1.1',
}
const CHAT = { 'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'm-1', 'gen_ai.provider.name': 'p' }

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

const sides = [
  { name: 'HTTP span: SDK alone', processor: idle, work: http },
  { name: 'HTTP span: + detached', processor: new AuditSpanProcessor(), work: http },
  { name: 'HTTP span: + attached', processor: attached, work: http },
  { name: 'HTTP span: + OTLP protobuf', processor: serialising, work: http },
  { name: 'model call: SDK alone', processor: idle, work: chat },
  { name: 'model call: + attached (1 event)', processor: attached, work: chat },
  { name: 'model call: + OTLP protobuf', processor: serialising, work: chat },
].map((side) => ({
  ...side,
  tracer: new TracerProvider({ spanProcessors: [side.processor] }).getTracer('bench'),
  nanos: [],
}))

for (let round = 0; round < Number(values.rounds) + WARM_UP_ROUNDS; round++) {
  for (const side of sides) {
    const before = process.cpuUsage()
    for (let turn = 0; turn < SPANS / SPANS_A_TURN; turn++) {
      for (let span = 0; span < SPANS_A_TURN; span++) side.work(side.tracer)
      await null // the turn ends, as it does in a service
    }
    const { user, system } = process.cpuUsage(before)
    if (round >= WARM_UP_ROUNDS) side.nanos.push(((user + system) * 1000) / SPANS)
  }
}

console.log(
  `node ${process.version}, ${values.rounds} rounds of ${SPANS} spans, CPU nanoseconds a span (median, lowest)`,
)
for (const { name, work, nanos } of sides) {
  const alone = sides.find((side) => side.work === work)
  const added = median(nanos) - median(alone.nanos)
  const note = alone.nanos === nanos ? '' : `   adds ${added.toFixed(0).padStart(5)}`
  console.log(
    `${name.padEnd(34)} ${median(nanos).toFixed(0).padStart(6)} ${Math.min(...nanos)
      .toFixed(0)
      .padStart(6)}${note}`,
  )
}
const [, , , , modelAlone, modelAttached, modelSerialised] = sides.map(({ nanos }) => median(nanos))
const ratio = (modelAttached - modelAlone) / (modelSerialised - modelAlone)
console.log(`\none event costs ${ratio.toFixed(2)} x what serialising its span to OTLP protobuf costs (journal apart)`)

function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]
}
