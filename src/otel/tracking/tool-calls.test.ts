import { type Attributes, ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { nextTurn, startRecordingSdk } from '../../../test/support/audited-sdk.js'
import type { CollectingLog } from '../../../test/support/collecting-log.js'

/* Tool calls that more than one span tells of. */

const T0 = 1_900_000_000_000

interface Made {
  readonly scope?: string
  readonly kind?: SpanKind
  readonly at?: number
  readonly id?: string
  readonly attributes?: Attributes
}

function start(
  name: string,
  parent: Span | undefined,
  { scope = 'my-agent', kind, at = 0, attributes }: Made = {},
): Span {
  const around = parent ? trace.setSpan(ROOT_CONTEXT, parent) : ROOT_CONTEXT
  const options = { startTime: T0 + at, ...(kind !== undefined && { kind }), ...(attributes && { attributes }) }
  return trace.getTracer(scope).startSpan(name, options, around)
}

function agent(): Span {
  return start('invoke_agent x', undefined, {
    attributes: { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'x' },
  })
}

function tool(name: string, parent: Span, made: Made = {}): Span {
  const attributes = {
    'gen_ai.operation.name': 'execute_tool',
    'gen_ai.tool.name': name,
    ...(made.id !== undefined && { 'gen_ai.tool.call.id': made.id }),
    ...made.attributes,
  }
  return start(`execute_tool ${name}`, parent, { ...made, attributes })
}

function mcp(name: string, parent: Span, made: Made): Span {
  return tool(name, parent, {
    scope: 'mcp',
    ...made,
    attributes: { 'mcp.method.name': 'tools/call', ...made.attributes },
  })
}

function chat(parent: Span, from: number, to: number): void {
  const attributes = { 'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'm' }
  start('chat m', parent, { at: from, attributes }).end(T0 + to)
}

/** Returns the ends of the recorded calls: a start without an end is one that is left open. */
function calls(log: CollectingLog): readonly string[] {
  const ended = log.events.filter(({ type }) => type === 'tool_call_completed' || type === 'tool_call_failed')
  const started = log.of('tool_call_started')
  expect(started.map(({ data }) => data.callId)).toEqual(
    expect.arrayContaining(ended.map(({ data }) => (data as { callId: string }).callId)),
  )
  expect(started.length).toBeGreaterThanOrEqual(ended.length)
  return started.map(({ data }) => {
    const end = ended.find((event) => (event.data as { callId: string }).callId === data.callId)
    if (end) ended.splice(ended.indexOf(end), 1)
    return `${data.tool.name} ${end ? end.type.replace('tool_call_', '') : 'open'}`
  })
}

describe('one tool call is recorded once', () => {
  test('of a framework, the client and the server of MCP in one process', () => {
    const { log } = startRecordingSdk()
    const run = agent()
    const outer = tool('weather__get', run, { id: 'k1' })
    const client = mcp('get', outer, { kind: SpanKind.CLIENT })
    const server = mcp('get', client, {
      kind: SpanKind.SERVER,
      scope: 'mcp-server',
      attributes: { 'mcp.request.id': '7' },
    })
    server.end()
    client.end()
    outer.end()
    expect(calls(log)).toEqual(['weather__get completed'])
  })

  test('of the client and the server of MCP alone, with the prefix of a framework before the name', () => {
    const { log } = startRecordingSdk()
    const run = agent()
    const client = mcp('mcp_get', run, { kind: SpanKind.CLIENT })
    const http = start('POST', client, { kind: SpanKind.CLIENT, attributes: { 'http.request.method': 'POST' } })
    const server = mcp('get', http, { kind: SpanKind.SERVER })
    server.end()
    http.end()
    client.end()
    expect(calls(log)).toEqual(['mcp_get completed'])
  })

  test('of a client and a server of MCP that tell only at their end what they are', () => {
    const { log } = startRecordingSdk()
    const run = agent()
    const client = start('tools/call get', run, { scope: 'mcp', kind: SpanKind.CLIENT, at: 1 })
    const server = start('tools/call get', client, { scope: 'mcp', kind: SpanKind.SERVER, at: 2 })
    const attributes = { 'mcp.method.name': 'tools/call', 'gen_ai.tool.name': 'get' }
    server.setAttributes(attributes).end(T0 + 3)
    client.setAttributes(attributes).end(T0 + 4)
    expect(calls(log)).toEqual(['get completed'])
  })

  test('of a server whose requests carry no trace context, by the id of the request', () => {
    const { log } = startRecordingSdk()
    const run = agent()
    const request = { 'jsonrpc.request.id': '3', 'mcp.session.id': 's1' }
    const outer = tool('get', run, { id: 'k1', at: 1 })
    const client = mcp('get', outer, { kind: SpanKind.CLIENT, at: 2, attributes: request })
    start('tools/call get', undefined, {
      scope: 'mcp',
      kind: SpanKind.SERVER,
      at: 3,
      attributes: { ...request, 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': 'get' },
    }).end(T0 + 4)
    client.end(T0 + 5)
    outer.end(T0 + 6)
    expect(calls(log)).toEqual(['get completed'])
  })

  test('with the failure that only the inner span tells', () => {
    const { log } = startRecordingSdk()
    const run = agent()
    const outer = tool('get', run, { id: 'k1' })
    const client = mcp('get', outer, { kind: SpanKind.CLIENT })
    client.setStatus({ code: SpanStatusCode.ERROR, message: 'no such city' })
    client.end()
    outer.end()
    expect(calls(log)).toEqual(['get failed'])
    expect(log.of('tool_call_failed')[0]?.data).toMatchObject({ error: { message: 'no such city' } })
  })

  test('and as completed where the outer span says so, or a second attempt inside went well', () => {
    const { log } = startRecordingSdk()
    const run = agent()
    for (const says of [SpanStatusCode.OK, SpanStatusCode.UNSET]) {
      const outer = tool('get', run, { id: `k${says}` })
      const client = mcp('get', outer, { kind: SpanKind.CLIENT })
      client.setStatus({ code: SpanStatusCode.ERROR }).end()
      if (says === SpanStatusCode.UNSET) mcp('get', outer, { kind: SpanKind.CLIENT }).end()
      outer.setStatus({ code: says }).end()
    }
    expect(calls(log)).toEqual(['get completed', 'get completed'])
  })

  test('of two instrumentations, one inside the other or beside it', async () => {
    const { log } = startRecordingSdk()
    const run = agent()
    const outer = tool('get', run, { at: 1 })
    tool('get', outer, { scope: 'other', at: 2 }).end(T0 + 3)
    outer.end(T0 + 4)
    const beside = tool('add', run, { at: 11 })
    const late = start('add', run, {
      scope: 'openinference',
      at: 12,
      attributes: { 'openinference.span.kind': 'TOOL' },
    })
    await nextTurn()
    late.setAttribute('tool.name', 'add').end(T0 + 13)
    beside.end(T0 + 14)
    expect(calls(log)).toEqual(['get completed', 'add completed'])
  })

  test('by the name that only one of the two knows', () => {
    const { log } = startRecordingSdk()
    const run = agent()
    const outer = tool('unknown', run, { scope: 'sentry' })
    tool('get', outer).end()
    outer.end()
    expect(log.of('tool_call_completed').map(({ data }) => data.tool.name)).toEqual(['get'])
  })

  test('where the outer span tells only at its end what it is', () => {
    const { log } = startRecordingSdk()
    const run = agent()
    const outer = start('work', run, { scope: 'late', at: 1 })
    tool('get', outer, { at: 2 }).end(T0 + 3)
    outer.setAttributes({ 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': 'get' }).end(T0 + 4)
    expect(calls(log)).toEqual(['get completed'])
  })

  test('that is told again afterwards under its id', () => {
    const { log } = startRecordingSdk()
    const run = agent()
    tool('q', run, { id: 'toolu_01ab', at: 1 }).end(T0 + 5)
    tool('q', run, { id: 'toolu_01ab', at: 6 }).end(T0 + 7)
    chat(run, 8, 9)
    // With the times of the call itself it may come at any moment.
    tool('q', run, { id: 'toolu_01ab', at: 2 }).end(T0 + 5)
    expect(calls(log)).toEqual(['q completed'])
  })
})

describe('tool calls that look alike are recorded each', () => {
  test('where a tool calls itself', () => {
    const { log } = startRecordingSdk()
    const run = agent()
    const named = tool('fetch', run, { id: 'k1' })
    tool('fetch', named, { id: 'k2' }).end()
    named.end()
    const nameless = tool('walk', run)
    tool('walk', nameless).end()
    nameless.end()
    expect(calls(log)).toEqual(['fetch completed', 'fetch completed', 'walk completed', 'walk completed'])
  })

  test('where an id is given again in another turn', () => {
    const { log } = startRecordingSdk()
    const run = agent()
    tool('q', run, { id: 'k1', at: 1 }).end(T0 + 2)
    chat(run, 3, 4)
    tool('q', run, { id: 'k1', at: 5 }).end(T0 + 6)
    // A server that counts from zero with every answer; nobody tells of the turns.
    tool('p', run, { id: 'call_0', at: 7 }).end(T0 + 8)
    tool('p', run, { id: 'call_0', at: 9 }).end(T0 + 10)
    expect(calls(log)).toEqual(['q completed', 'q completed', 'p completed', 'p completed'])
  })

  test('where an id is given again with other arguments', () => {
    const { log } = startRecordingSdk()
    const run = agent()
    for (const [at, city] of [
      [1, 'Rome'],
      [3, 'Oslo'],
      [5, 'Oslo'],
    ] as const) {
      const attributes = { 'gen_ai.tool.call.arguments': JSON.stringify({ city }) }
      tool('q', run, { id: 'k1', at, attributes }).end(T0 + at + 1)
    }
    expect(calls(log)).toEqual(['q completed', 'q completed'])
  })

  test('where a call that failed is made again under its id', () => {
    const { log } = startRecordingSdk()
    const run = agent()
    tool('q', run, { id: 'k1', at: 1 })
      .setStatus({ code: SpanStatusCode.ERROR })
      .end(T0 + 2)
    tool('q', run, { id: 'k1', at: 3 }).end(T0 + 4)
    expect(calls(log)).toEqual(['q failed', 'q completed'])
  })

  test('by one instrumentation, at once', () => {
    const { log } = startRecordingSdk()
    const run = agent()
    const one = tool('q', run, { at: 1 })
    const other = tool('q', run, { at: 1 })
    one.end(T0 + 5)
    other.end(T0 + 5)
    expect(calls(log)).toEqual(['q completed', 'q completed'])
  })

  test('where a tool of the application calls one of a server by another name', () => {
    const { log } = startRecordingSdk()
    const run = agent()
    const outer = tool('plan', run, { id: 'k1' })
    mcp('get', outer, { kind: SpanKind.CLIENT }).end()
    outer.end()
    expect(calls(log)).toEqual(['plan completed', 'get completed'])
  })

  test('where a tool runs an agent that calls it', () => {
    const { log } = startRecordingSdk()
    const run = agent()
    const outer = tool('ask', run)
    const inner = start('invoke_agent y', outer, { attributes: { 'gen_ai.operation.name': 'invoke_agent' } })
    tool('ask', inner, { scope: 'other' }).end()
    inner.end()
    outer.end()
    expect(calls(log)).toEqual(['ask completed', 'ask completed'])
  })

  test('where an earlier call under the id was never ended', () => {
    const { log } = startRecordingSdk()
    const run = agent()
    tool('q', run, { id: 'k1', at: 1 })
    chat(run, 2, 3)
    tool('q', run, { id: 'k1', at: 4 }).end(T0 + 5)
    expect(calls(log)).toHaveLength(2)
  })

  test('in two runs at once, under one id', () => {
    const { log } = startRecordingSdk()
    const [one, other] = [agent(), agent()]
    const calling = tool('q', one, { id: 'k1' })
    tool('q', other, { id: 'k1' }).end()
    calling.end()
    expect(calls(log)).toEqual(['q completed', 'q completed'])
  })
})
