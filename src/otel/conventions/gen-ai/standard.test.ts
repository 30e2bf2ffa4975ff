import { type Attributes, ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { describe, expect, test } from 'vitest'
import { nextTurn, startRecordingSdk } from '../../../../test/support/audited-sdk.js'

/** A span of the GenAI conventions, all of its attributes there at its start. */
function start(operation: string, attributes: Attributes = {}, parent?: Span, name = operation): Span {
  const around = parent ? trace.setSpan(ROOT_CONTEXT, parent) : ROOT_CONTEXT
  const all = { 'gen_ai.operation.name': operation, ...attributes }
  return trace.getTracer('app').startSpan(name, { attributes: all }, around)
}

function agent(attributes: Attributes = {}): Span {
  return start('invoke_agent', { 'gen_ai.agent.name': 'planner', ...attributes })
}

describe('the operations of memory', () => {
  test('tell what was written and deleted, and how many records', () => {
    const { log } = startRecordingSdk()
    const run = agent()
    const store = { 'gen_ai.memory.store.id': 'prefs' }
    for (const operation of ['create_memory', 'update_memory', 'upsert_memory']) {
      start(operation, { ...store, 'gen_ai.memory.record.count': 2 }, run).end()
    }
    start('delete_memory', { ...store, 'gen_ai.memory.record.id': 'm-1' }, run).end()
    for (const operation of ['create_memory_store', 'delete_memory_store', 'plan', 'fetch_response', 'create_agent']) {
      start(operation, {}, run).end()
    }
    run.end()
    const written = { tier: 'memory', namespaceKey: 'prefs', records: 2 }
    expect(log.of('memory_written').map(({ data }) => data)).toEqual([
      { ...written, operation: 'create_memory' },
      { ...written, operation: 'update_memory' },
      { ...written, operation: 'upsert_memory' },
    ])
    expect(log.of('memory_deleted').map(({ data }) => data)).toEqual([
      { tier: 'memory', namespaceKey: 'prefs', records: 1 },
    ])
    expect(log.types.filter((type) => !type.startsWith('memory_'))).toEqual(['run_started', 'run_completed'])
  })

  test('tell nothing of a write that failed, and count the records of a search without keeping them', () => {
    const { log } = startRecordingSdk()
    const run = agent()
    const write = start('update_memory', {}, run)
    write.setStatus({ code: SpanStatusCode.ERROR, message: 'down' }).end()
    const records = '[{"content":"likes tea"},{"content":"lives in Oslo"}]'
    start('search_memory', { 'gen_ai.memory.records': records, 'gen_ai.memory.query.text': 'tea' }, run).end()
    run.end()
    expect(log.types).toEqual(['run_started', 'memory_recall', 'run_completed'])
    expect(log.of('memory_recall')[0]?.data).toEqual({ tier: 'memory', hits: 2 })
    expect(JSON.stringify(log.events)).not.toContain('tea')
  })
})

describe('guardrails', () => {
  test.each([
    [{ 'gen_ai.guardrail.verdict.type': 'deny' }, 'deny'],
    [{ 'gen_ai.guardrail.verdict.type': 'warn', 'gen_ai.guardrail.action.type': 'block' }, 'block'],
    [{ 'gen_ai.security.verdict.type': 'deny', 'gen_ai.security.action.type': 'block' }, 'block'],
    [{ 'gen_ai.security.decision.type': 'deny' }, 'deny'],
  ])('violate a policy where they stopped something: %j', (attributes: Attributes, action) => {
    const { log } = startRecordingSdk()
    const run = agent()
    const rule = { 'gen_ai.guardrail.security.policy.rule.id': 'pii-email', 'gen_ai.guardrail.target.type': 'output' }
    start('run_guardrail', { ...rule, ...attributes }, run, 'run_guardrail Filter').end()
    run.end()
    expect(log.types).toEqual(['run_started', 'guardrail_evaluated', 'policy_violation', 'run_completed'])
    expect(log.of('guardrail_evaluated')[0]?.data).toMatchObject({ guardrail: 'Filter', stage: 'output' })
    expect(log.of('policy_violation')[0]?.data).toEqual({ rule: 'pii-email', action })
  })

  test.each([
    [{ 'gen_ai.guardrail.verdict.type': 'allow' }],
    [{ 'gen_ai.guardrail.verdict.type': 'deny', 'gen_ai.guardrail.action.type': 'audit' }],
    [{ 'gen_ai.guardrail.verdict.type': 'modify' }],
  ])('are told without a violation where they let something pass: %j', (attributes: Attributes) => {
    const { log } = startRecordingSdk()
    const run = agent()
    start('apply_guardrail', attributes, run).end()
    run.end()
    expect(log.types).toEqual(['run_started', 'guardrail_evaluated', 'run_completed'])
  })

  test('a finding is told beside', () => {
    const { log } = startRecordingSdk()
    const run = agent()
    run.addEvent('gen_ai.security.finding', {
      'gen_ai.security.policy.id': 'p-1',
      'gen_ai.security.risk.finding': 'pii',
    })
    run.end()
    expect(log.of('custom')[0]?.data).toMatchObject({ name: 'gen_ai.security.finding', policy: 'p-1', risk: 'pii' })
  })
})

describe('compactions', () => {
  const chat = (run: Span, attributes: Attributes) =>
    start('chat', { 'gen_ai.request.model': 'm', ...attributes }, run).end()

  test('are told by the part that the model answered with, each of them', () => {
    const { log } = startRecordingSdk()
    const run = agent()
    const output =
      '[{"role":"assistant","parts":[{"type":"compaction","content":"a summary"},{"type":"text","content":"hi"}]}]'
    chat(run, { 'gen_ai.output.messages': output })
    chat(run, { 'gen_ai.conversation.compacted': true })
    chat(run, { 'gen_ai.response.finish_reasons': ['compaction'] })
    chat(run, {
      'gen_ai.output.messages': '[{"role":"assistant","parts":[{"type":"text","content":"\\"compaction\\""}]}]',
    })
    run.end()
    expect(log.of('context_compacted').map(({ source }) => source.confidence)).toEqual([undefined, undefined])
    expect(JSON.stringify(log.events)).not.toContain('a summary')
  })

  test('are told once for a run whose calls say that its history is compacted', () => {
    const { log } = startRecordingSdk()
    const run = agent()
    chat(run, {})
    chat(run, { 'gen_ai.conversation.compacted': true })
    chat(run, { 'gen_ai.conversation.compacted': true })
    run.end()
    expect(log.of('context_compacted').map(({ source }) => source.confidence)).toEqual(['heuristic'])
  })
})

describe('the start of a run', () => {
  test('tells the version of the agent and the parameters of its model', () => {
    const { log } = startRecordingSdk()
    agent({
      'gen_ai.agent.version': '2.1.0',
      'gen_ai.request.temperature': 0.2,
      'gen_ai.request.top_p': '0.9',
      'gen_ai.request.top_k': 40,
      'gen_ai.request.max_tokens': 1000,
      'gen_ai.request.seed': -7,
    }).end()
    expect(log.of('run_started')[0]?.data).toMatchObject({
      agentVersion: '2.1.0',
      modelParameters: { temperature: 0.2, topP: 0.9, topK: 40, maxTokens: 1000, seed: -7 },
    })
  })

  test('leaves out parameters that are none, and says nothing where none are told', () => {
    const { log } = startRecordingSdk()
    const wrong = { 'gen_ai.request.temperature': 'hot', 'gen_ai.request.seed': 0.5, 'gen_ai.request.max_tokens': -1 }
    agent({ ...wrong, 'gen_ai.request.top_k': Number.NaN, 'gen_ai.agent.version': 7 }).end()
    const [event] = log.of('run_started')
    expect(event?.data).not.toHaveProperty('modelParameters')
    expect(event?.data).not.toHaveProperty('agentVersion')
    expect(event?.altered).toBeUndefined()
  })
})

test('a resource tells the version of the service with the start of a run', () => {
  const { log } = startRecordingSdk({}, { resource: resourceFromAttributes({ 'service.version': '7.1' }) })
  agent().end()
  expect(log.of('run_started')[0]?.data).toMatchObject({ serviceVersion: '7.1' })
})

test('the tenant that Microsoft’s observability names is that of the run', () => {
  const { log } = startRecordingSdk()
  agent({ 'microsoft.tenant.id': 'contoso' }).end()
  expect(log.of('run_started')[0]?.tenantId).toBe('contoso')
})

test('arguments and results of tools are handed to the log as payload, and stand nowhere else', () => {
  const { log } = startRecordingSdk()
  const run = agent()
  const [asked, answered] = ['{"card":"4111"}', '{"paid":"4111"}']
  const secret = { 'gen_ai.tool.call.arguments': asked, 'gen_ai.tool.call.result': answered }
  start('execute_tool', { 'gen_ai.tool.name': 'pay', ...secret }, run).end()
  run.end()
  expect(log.of('tool_call_started').map(({ data }) => data.arguments)).toEqual([asked])
  const [completed, ...more] = log.of('tool_call_completed')
  expect(more).toEqual([])
  expect(completed?.data).toMatchObject({ result: answered })
  expect(completed?.data).not.toHaveProperty('arguments')
  expect(JSON.stringify(log.events).split('4111')).toHaveLength(3)
})

test('a tool without an operation is told at its start by the prescribed name', async () => {
  const { log } = startRecordingSdk()
  const tool = trace.getTracer('app').startSpan('execute_tool pay', { attributes: { 'gen_ai.tool.name': 'pay' } })
  await nextTurn()
  expect(log.types).toEqual(['tool_call_started'])
  tool.end()
})

describe('requests of MCP', () => {
  const request = (method: string, attributes: Attributes, parent?: Span) => {
    const around = parent ? trace.setSpan(ROOT_CONTEXT, parent) : ROOT_CONTEXT
    const all = { 'mcp.method.name': method, 'mcp.session.id': 'mcp-1', ...attributes }
    return trace.getTracer('mcp').startSpan(`${method} weather`, { kind: SpanKind.CLIENT, attributes: all }, around)
  }

  test('are tool calls where they call one, in the session of the transport where no run is around', () => {
    const { log } = startRecordingSdk()
    request('tools/call', {}).end()
    const run = agent({ 'gen_ai.conversation.id': 's-1' })
    request('tools/call', { 'gen_ai.tool.name': 'forecast' }, run).end()
    run.end()
    expect(log.of('tool_call_started').map(({ sessionId, data }) => [sessionId, data.tool.name])).toEqual([
      ['mcp-1', 'weather'],
      ['s-1', 'forecast'],
    ])
  })

  test('have failed where the tool answers with an error, whatever the status', () => {
    const { log } = startRecordingSdk()
    request('tools/call', { 'mcp.tool.name': 'pay', 'mcp.tool.result.is_error': true }).end()
    expect(log.of('tool_call_failed').map(({ data }) => data.tool.name)).toEqual(['pay'])
  })

  test('are told where they fail, whatever they ask for', () => {
    const { log } = startRecordingSdk()
    request('tools/list', {}).end()
    request('resources/read', { 'error.type': '-32602' }).end()
    expect(log.types).toEqual(['error_occurred'])
    expect(log.of('error_occurred')[0]?.data).toMatchObject({ operation: 'resources/read', error: { code: '-32602' } })
  })
})

describe('what says that it is an agent', () => {
  test('is an inner step where it has no name and is directly inside an agent of the same instrumentation', () => {
    const { log } = startRecordingSdk()
    const run = agent()
    const task = start('invoke_agent', {}, run)
    const turn = start('invoke_agent', {}, task)
    for (const span of [turn, task, run]) span.end()
    expect(log.types).toEqual(['run_started', 'run_completed'])
  })

  test('is a run where it is called by a tool, has a name, or another instrumentation tells of it', () => {
    const { log } = startRecordingSdk()
    const run = agent()
    const tool = start('execute_tool', { 'gen_ai.tool.name': 'ask' }, run)
    start('invoke_agent', {}, tool).end()
    tool.end()
    start('invoke_agent', { 'gen_ai.agent.name': 'writer' }, run).end()
    const options = { attributes: { 'gen_ai.operation.name': 'invoke_agent' } }
    trace.getTracer('other').startSpan('invoke_agent', options, trace.setSpan(ROOT_CONTEXT, run)).end()
    run.end()
    expect(log.of('run_started')).toHaveLength(4)
  })
})
