import {
  type Attributes,
  type Link,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  trace,
} from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { startRecordingSdk } from '../../test/support/audited-sdk.js'
import type { CollectingLog } from '../../test/support/collecting-log.js'

const PLANNER = {
  'gen_ai.operation.name': 'invoke_agent',
  'gen_ai.agent.name': 'planner',
  'spanledger.tenant.id': 'acme',
  'session.id': 's-1',
}
const WORKER = { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'worker' }
const POST = { 'http.request.method': 'POST' }
const SELF = { ...POST, 'url.full': 'http://127.0.0.1:8080/agent' }
const QUEUE = { 'messaging.system': 'kafka', 'messaging.destination.name': 'jobs' }

interface Shape {
  readonly kind?: SpanKind
  readonly attributes?: Attributes
  readonly links?: Link[]
}

const start = (shape: Shape, within = ROOT_CONTEXT) => trace.getTracer('app').startSpan('span', shape, within)
const below = (span: Span) => trace.setSpan(ROOT_CONTEXT, span)
/** As a propagator makes them from a header: equal, and never the same object. */
const header = (span: Span): SpanContext => ({ ...span.spanContext(), isRemote: true })
const behind = (span: Span) => trace.setSpanContext(ROOT_CONTEXT, header(span))

/** Records an agent of the process behind a span that has taken in what another span sent. */
function work(arrival: Span): void {
  start({ attributes: WORKER }, below(arrival)).end()
  arrival.end()
}

function expectBelow(log: CollectingLog): void {
  const [planner, worker] = log.of('run_started')
  expect(worker).toMatchObject({ parentRunId: planner?.runId, tenantId: 'acme', sessionId: 's-1' })
  expect(worker?.claimed).toBeUndefined()
  expect(log.of('sub_agent_invoked')).toMatchObject([{ runId: planner?.runId, data: { subRunId: worker?.runId } }])
}

/** It is a run of its own, of which somebody claims that the planner called it. */
function expectClaimed(log: CollectingLog): void {
  const [planner, worker] = log.of('run_started')
  expect(worker).toMatchObject({ tenantId: undefined, claimed: { parentRunId: planner?.runId } })
  expect(worker?.sessionId).not.toBe('s-1')
  expect(log.of('sub_agent_invoked')).toEqual([])
}

describe('a request to this machine', () => {
  test('that arrives in this process while it is open carries the run along', () => {
    const { log } = startRecordingSdk()
    const run = start({ attributes: PLANNER })
    const request = start({ kind: SpanKind.CLIENT, attributes: SELF }, below(run))
    work(start({ kind: SpanKind.SERVER, attributes: { ...POST, 'url.path': '/agent' } }, behind(request)))
    expectBelow(log)
  })

  test('arrives once: who sends its ids later only claims to be called', () => {
    const { log } = startRecordingSdk()
    const run = start({ attributes: PLANNER })
    const request = start({ kind: SpanKind.CLIENT, attributes: SELF }, below(run))
    start({ kind: SpanKind.SERVER, attributes: POST }, behind(request)).end()
    work(start({ kind: SpanKind.SERVER, attributes: POST }, behind(request)))
    expectClaimed(log)
  })

  test('that has been answered says nothing any more', () => {
    const { log } = startRecordingSdk()
    const run = start({ attributes: PLANNER })
    const request = start({ kind: SpanKind.CLIENT, attributes: SELF }, below(run))
    request.end()
    work(start({ kind: SpanKind.SERVER, attributes: POST }, behind(request)))
    expectClaimed(log)
  })

  test.each<[string, Attributes, Attributes]>([
    ['another port', SELF, { ...POST, 'server.port': 9090 }],
    ['another path', SELF, { ...POST, 'url.path': '/other' }],
    ['another method', SELF, { 'http.request.method': 'GET' }],
    ['a caller elsewhere', SELF, { ...POST, 'network.peer.address': '203.0.113.7' }],
    ['a server elsewhere', { ...POST, 'url.full': 'https://third.example/agent' }, POST],
    ['a server elsewhere behind a proxy here', { ...SELF, 'server.address': 'third.example' }, POST],
    ['no server', POST, POST],
    ['no address', { ...POST, 'url.full': 'not an address' }, POST],
  ])('is not one with %s', (_name, client, server) => {
    const { log } = startRecordingSdk()
    const run = start({ attributes: PLANNER })
    const request = start({ kind: SpanKind.CLIENT, attributes: client }, below(run))
    work(start({ kind: SpanKind.SERVER, attributes: server }, behind(request)))
    expectClaimed(log)
  })

  test('does not arrive in an agent that no server span is around', () => {
    const { log } = startRecordingSdk()
    const run = start({ attributes: PLANNER })
    const request = start({ kind: SpanKind.CLIENT, attributes: SELF }, below(run))
    start({ attributes: WORKER }, behind(request)).end()
    expectClaimed(log)
  })
})

test('any request carries the run along where remote parents are trusted', () => {
  const { log } = startRecordingSdk({ trustRemoteParents: true })
  const run = start({ attributes: PLANNER })
  const request = start({ kind: SpanKind.CLIENT, attributes: POST }, below(run))
  work(start({ kind: SpanKind.SERVER, attributes: POST }, behind(request)))
  expectBelow(log)
})

describe('a message', () => {
  test.each(['parent', 'link'])('that a consumer of this process takes in, by its %s, carries the run along', (by) => {
    const { log } = startRecordingSdk()
    const run = start({ attributes: PLANNER })
    const message = start({ kind: SpanKind.PRODUCER, attributes: QUEUE }, below(run))
    message.end()
    const consumer = { kind: SpanKind.CONSUMER, attributes: QUEUE }
    work(
      by === 'parent'
        ? start(consumer, behind(message))
        : start({ ...consumer, links: [{ context: header(message) }] }),
    )
    expectBelow(log)
  })

  test('is not taken in by a server, nor by a consumer of several, nor from another queue', () => {
    const { log } = startRecordingSdk()
    const run = start({ attributes: PLANNER })
    const message = start({ kind: SpanKind.PRODUCER, attributes: QUEUE }, below(run))
    const link = { context: header(message) }
    work(start({ kind: SpanKind.SERVER }, behind(message)))
    work(start({ kind: SpanKind.CONSUMER, links: [link, link] }))
    const other = { kind: SpanKind.CONSUMER, attributes: { 'messaging.destination.name': 'x' } }
    work(start({ ...other, links: [link] }))
    message.end()
    work(start({ ...other, links: [link] }))
    work(start(other, behind(message)))
    expect(log.of('sub_agent_invoked')).toEqual([])
  })
})

describe('a link', () => {
  test('to a span of a run that is open, by the object of its ids, puts what has no parent below that', () => {
    const { log } = startRecordingSdk()
    const run = start({ attributes: PLANNER })
    start({ attributes: WORKER, links: [{ context: run.spanContext() }] }).end()
    expectBelow(log)
  })

  test('by equal ids, or to a run that is over, puts it nowhere', () => {
    const { log } = startRecordingSdk()
    const run = start({ attributes: PLANNER })
    start({ attributes: WORKER, links: [{ context: header(run) }] }).end()
    run.end()
    start({ attributes: WORKER, links: [{ context: run.spanContext() }] }).end()
    expect(log.of('sub_agent_invoked')).toEqual([])
    expect(log.of('run_started').map(({ parentRunId }) => parentRunId)).toEqual([undefined, undefined, undefined])
  })
})
