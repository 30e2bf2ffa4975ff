import { type Attributes, context, ROOT_CONTEXT, type Span, SpanStatusCode, trace } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { nextTurn, startRecordingSdk } from '../../../../test/support/audited-sdk.js'
import { withRun } from '../../../record/run.js'

const SCOPE = '@arizeai/openinference-instrumentation-langchain'
const METADATA = { ls_integration: 'langgraph', thread_id: 'thread-1', user_id: 'user-1', tenant: 'acme' }

/** A span as the instrumentation starts it: name and kind, no more. */
function start(name: string, parent?: Span, kind = 'CHAIN'): Span {
  const around = parent ? trace.setSpan(ROOT_CONTEXT, parent) : context.active()
  const span = trace.getTracer(SCOPE).startSpan(name, {}, around)
  span.setAttribute('openinference.span.kind', kind)
  return span
}

interface Result {
  readonly input?: unknown
  readonly output?: unknown
  readonly metadata?: object
  readonly attributes?: Attributes
}

function end(span: Span, { input, output, metadata = METADATA, attributes = {} }: Result = {}): void {
  const asText = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))
  span.setAttributes({ metadata: JSON.stringify(metadata), ...attributes })
  if (input !== undefined) span.setAttribute('input.value', asText(input))
  if (output !== undefined) span.setAttribute('output.value', asText(output))
  span.setStatus({ code: SpanStatusCode.OK })
  span.end()
}

/** LangChain hands tracers the message, and below it the stack, which repeats class and message. */
function fail(span: Span, name: string, message = '', result: Result = {}): void {
  const stack = message === '' ? name : `${name}: ${message}`
  const text = `${message}\n\n${stack}\n    at node (file:///app/graph.js:1:1)`
  span.recordException(text)
  span.setAttribute('metadata', JSON.stringify(result.metadata ?? METADATA))
  if (result.input !== undefined) span.setAttribute('input.value', JSON.stringify(result.input))
  span.setStatus({ code: SpanStatusCode.ERROR, message: text })
  span.end()
}

const message = (type: string, kwargs: object) => ({
  lc: 1,
  type: 'constructor',
  id: ['langchain_core', 'messages', type],
  kwargs,
})
const answerWithCalls = (...calls: { name: string; id: string }[]) =>
  message('AIMessage', { content: '', tool_calls: calls.map((call) => ({ ...call, args: {} })) })
const command = (fields: object) => ({ lg_name: 'Command', ...fields })

describe('a run', () => {
  test('is the outermost chain, from its start', async () => {
    const { log } = startRecordingSdk()
    const chain = start('my-chain')
    await nextTurn()
    expect(log.of('run_started')[0]?.data.agent).toEqual({ name: 'my-chain' })
    end(chain)
    expect(log.types).toEqual(['run_started', 'run_completed'])
  })

  test('has no name when its span bears but that of a class', () => {
    const { log } = startRecordingSdk()
    end(start('RunnableSequence'))
    expect(log.of('run_started')[0]?.data.agent).toEqual({})
  })

  test('is not a prompt, a parser or a model that is called by itself', () => {
    const { log } = startRecordingSdk()
    end(start('ChatPromptTemplate', undefined, 'PROMPT'))
    end(start('StrOutputParser'))
    end(start('ChatOpenAI', undefined, 'LLM'))
    expect(log.types).toEqual([])
  })

  test('is not a chain inside a run of another kind', async () => {
    const { log } = startRecordingSdk()
    await withRun({ agentName: 'planner' }, async () => end(start('my-chain')))
    expect(log.of('run_started').map(({ data }) => data.agent.name)).toEqual(['planner'])
  })

  test('bears the name of its agent where the call was given another', () => {
    const { log } = startRecordingSdk()
    end(start('nightly'), { metadata: { ls_integration: 'langchain_create_agent', lc_agent_name: 'weather' } })
    expect(log.of('run_completed')[0]?.agent).toEqual({ name: 'weather' })
  })

  test('is a graph inside another as soon as its first node begins', async () => {
    const { log } = startRecordingSdk()
    const outer = start('swarm')
    const node = start('writer', outer)
    const graph = start('writer', node)
    const first = start('__start__', graph)
    await nextTurn()
    expect(log.types).toEqual(['run_started', 'sub_agent_invoked', 'run_started'])
    for (const span of [first, graph, node, outer]) end(span)
    const [started, inner] = log.of('run_started')
    expect(inner).toMatchObject({ parentRunId: started?.runId, data: { agent: { name: 'writer' } } })
    expect(log.of('run_completed')).toHaveLength(2)
  })

  test('is a graph that goes on inside another, once one of its nodes has ended', () => {
    const { log } = startRecordingSdk()
    const outer = start('outer')
    const node = start('child', outer)
    const graph = start('inner', node)
    end(start('ask', graph), { metadata: { ...METADATA, langgraph_node: 'ask' } })
    end(graph, { metadata: { ...METADATA, langgraph_node: 'child' } })
    end(node, { metadata: { ...METADATA, langgraph_node: 'child' } })
    end(outer)
    expect(log.of('run_started').map(({ data }) => data.agent.name)).toEqual(['outer', 'inner'])
  })

  test('learns whose it is from its first node, long before its own end', () => {
    const { log } = startRecordingSdk()
    const graph = start('graph')
    end(start('__start__', graph))
    const tool = start('search', graph, 'TOOL')
    end(tool)
    expect(log.of('tool_call_completed')[0]).toMatchObject({
      sessionId: 'thread-1',
      tenantId: 'acme',
      actor: { id: 'user-1' },
    })
  })

  test('is cancelled by its caller, and failed by a timeout, though LangGraph calls both an abort', () => {
    const { log } = startRecordingSdk()
    for (const cause of ['AbortError', 'TimeoutError']) {
      const graph = start('graph')
      fail(start('node', graph), cause, 'The operation was aborted')
      fail(graph, 'Error', 'Abort')
    }
    expect(log.of('run_cancelled')[0]?.data.reason).toBe('aborted')
    expect(log.of('run_failed')[0]?.data.error.code).toBe('TimeoutError')
  })

  test('fails with the class that only the stack below the message names', () => {
    const { log } = startRecordingSdk()
    fail(start('graph'), 'RateLimitError', '429 Slow down\n\nsee https://example.com')
    expect(log.of('run_failed')[0]?.data.error).toEqual({
      code: 'RateLimitError',
      message: '429 Slow down\n\nsee https://example.com',
    })
  })
})

describe('a pause', () => {
  const interrupt = (value: unknown) => JSON.stringify([{ id: 'i-1', value }], null, 2)

  test('suspends the run, whose own span ends well, and leaves the tool call open', () => {
    const { log } = startRecordingSdk()
    const graph = start('graph')
    const node = start('tools', graph)
    const tool = start('ask_human', node, 'TOOL')
    fail(tool, 'GraphInterrupt', interrupt({ question: 'ok?' }))
    fail(node, 'GraphInterrupt', interrupt({ question: 'ok?' }))
    end(graph)
    expect(log.types).toEqual(['run_started', 'tool_call_started', 'run_suspended'])
    expect(log.of('run_suspended')[0]?.data).toMatchObject({ reason: 'interrupt', waitingFor: 'input' })
  })

  test('of a graph inside does not fail the ones around it', () => {
    const { log } = startRecordingSdk()
    const outer = start('outer')
    const node = start('child', outer)
    const inner = start('inner', node)
    start('__start__', inner).end()
    fail(start('ask', inner), 'GraphInterrupt', interrupt(1))
    for (const span of [inner, node]) fail(span, 'GraphInterrupt', interrupt(1))
    end(outer)
    expect(log.of('run_suspended')).toHaveLength(2)
    expect(log.of('run_failed')).toEqual([])
  })

  test('for approval tells each tool call that waits once, by the id of the call', () => {
    const { log } = startRecordingSdk()
    const waiting = interrupt({ actionRequests: [{ name: 'send', args: {} }] })
    const outer = start('outer')
    const node = start('agent-node', outer)
    const agent = start('agent', node)
    start('__start__', agent).end()
    const input = { messages: [answerWithCalls({ name: 'look', id: 'c-1' }, { name: 'send', id: 'c-2' })] }
    fail(start('HumanInTheLoopMiddleware.after_model', agent), 'GraphInterrupt', waiting, { input })
    for (const span of [agent, node]) fail(span, 'GraphInterrupt', waiting)
    end(outer)
    expect(log.of('tool_approval_requested').map(({ data }) => data)).toEqual([
      { callId: 'c-2', tool: { name: 'send' } },
    ])
    expect(log.of('run_suspended').map(({ data }) => data.waitingFor)).toEqual(['approval', 'approval'])
  })

  test('ends with what the human decided about each call', () => {
    const { log } = startRecordingSdk()
    const graph = start('graph')
    const input = { messages: [answerWithCalls({ name: 'send', id: 'c-1' }, { name: 'delete', id: 'c-2' })] }
    end(start('HumanInTheLoopMiddleware.after_model', graph), { input })
    end(graph, { input: command({ resume: { decisions: [{ type: 'edit' }, { type: 'reject' }] }, goto: [] }) })
    expect(log.of('resumed')).toHaveLength(1)
    expect(log.of('tool_approval_granted')[0]?.data).toEqual({ callId: 'c-1', tool: { name: 'send' } })
    expect(log.of('tool_approval_denied')[0]?.data).toEqual({ callId: 'c-2', tool: { name: 'delete' } })
  })

  test('that asked something else ends without a decision', () => {
    const { log } = startRecordingSdk()
    end(start('graph'), { input: command({ resume: 'yes', goto: [] }) })
    end(start('graph'), { input: command({ resume: [{ type: 'haiku' }], goto: [] }) })
    expect(log.types).toEqual(['run_started', 'resumed', 'run_completed', 'run_started', 'resumed', 'run_completed'])
  })

  test('ends with a null input to a graph, but not to a chain', () => {
    const { log } = startRecordingSdk()
    end(start('graph'), { input: { input: null } })
    end(start('chain'), { input: { input: null }, metadata: {} })
    expect(log.of('resumed')).toHaveLength(1)
  })

  test('is not ended by a command that only sends the graph elsewhere', () => {
    const { log } = startRecordingSdk()
    end(start('graph'), { input: command({ update: {}, goto: ['elsewhere'] }) })
    expect(log.of('resumed')).toEqual([])
  })
})

describe('a hand-off', () => {
  test('is what a tool returns, and the tool is no tool call', () => {
    const { log } = startRecordingSdk()
    const outer = start('swarm')
    const node = start('triage', outer)
    const agent = start('triage', node)
    start('__start__', agent).end()
    end(start('transfer_to_billing', agent, 'TOOL'), { output: { output: command({ goto: ['billing'] }) } })
    for (const span of [agent, node]) fail(span, 'ParentCommand')
    end(start('billing', outer))
    end(outer)
    expect(log.of('agent_handoff').map(({ data }) => data)).toEqual([{ from: 'triage', to: 'billing' }])
    expect(log.types.filter((type) => type.startsWith('tool_'))).toEqual([])
    expect(log.of('run_failed')).toEqual([])
  })

  test('is a command to the graph outside, to whichever node comes next', () => {
    const { log } = startRecordingSdk()
    const outer = start('outer')
    const node = start('first', outer)
    const graph = start('first', node)
    start('__start__', graph).end()
    for (const span of [graph, node]) fail(span, 'ParentCommand')
    end(start('second', outer))
    end(start('third', outer))
    end(outer)
    const handoffs = log.of('agent_handoff')
    expect(handoffs.map(({ data }) => data)).toEqual([{ from: 'first', to: 'second' }])
    expect(handoffs[0]?.source.confidence).toBe('heuristic')
  })

  test('is not a command to an inner node, to several, or to nowhere', () => {
    const { log } = startRecordingSdk()
    const graph = start('graph')
    for (const goto of [[], ['tools'], ['model_request'], ['__end__'], ['a', 'b'], [{ lg_name: 'Send', node: 'w' }]]) {
      end(start('plan', graph), { output: command({ goto }) })
    }
    end(graph)
    expect(log.of('agent_handoff')).toEqual([])
  })

  test('that did not happen leaves a tool call', () => {
    const { log } = startRecordingSdk()
    const graph = start('graph')
    end(start('transfer_to_savings', graph, 'TOOL'), { output: 'done' })
    fail(start('transfer_to_savings', graph, 'TOOL'), 'RangeError', 'too much')
    end(graph)
    expect(log.types).toEqual([
      'run_started',
      'tool_call_started',
      'tool_call_completed',
      'tool_call_started',
      'tool_call_failed',
      'run_completed',
    ])
    expect(log.of('tool_call_failed')[0]?.data.error?.code).toBe('RangeError')
  })
})

describe('a limit', () => {
  test('is told once, however many agents its error ends', () => {
    const { log } = startRecordingSdk()
    const outer = start('outer')
    const node = start('child', outer)
    const inner = start('inner', node)
    start('__start__', inner).end()
    for (const span of [inner, node, outer]) fail(span, 'GraphRecursionError', 'Recursion limit of 25 reached')
    expect(log.of('usage_limit_exceeded').map(({ data }) => data)).toEqual([{ axis: 'turns', limit: 25 }])
    expect(log.of('run_failed')).toHaveLength(2)
  })

  test('of tool calls is told with both of its numbers', () => {
    const { log } = startRecordingSdk()
    fail(start('graph'), 'ToolCallLimitExceededError', 'Tool call limit reached: run limit exceeded (3/2 calls).')
    expect(log.of('usage_limit_exceeded')[0]?.data).toEqual({ axis: 'tool_calls', limit: 2, observed: 3 })
  })

  test('is also what a middleware does about it without an error', () => {
    const { log } = startRecordingSdk()
    const graph = start('graph')
    const refusal = message('ToolMessage', { status: 'error', content: '', tool_call_id: 'c-1' })
    end(start('ToolCallLimitMiddleware.after_model', graph), {
      output: { messages: [refusal], runToolCallCount: {} },
    })
    end(start('ModelCallLimitMiddleware.before_model', graph), { output: { jumpTo: 'end', runModelCallCount: 2 } })
    end(graph)
    expect(log.of('usage_limit_exceeded').map(({ data }) => data.axis)).toEqual(['tool_calls', 'requests'])
  })

  test('of the provider that is used up is one, a rate limit is an error', () => {
    const { log } = startRecordingSdk()
    fail(start('ChatOpenAI', undefined, 'LLM'), 'InsufficientQuotaError', '429 You exceeded your current quota')
    fail(start('ChatOpenAI', undefined, 'LLM'), 'RateLimitError', '429 Slow down')
    expect(log.of('usage_limit_exceeded').map(({ data }) => data.axis)).toEqual(['quota'])
    expect(log.of('error_occurred').map(({ data }) => data.error.code)).toEqual([
      'InsufficientQuotaError',
      'RateLimitError',
    ])
  })

  test('of what may be said is a violation of policy', () => {
    const { log } = startRecordingSdk()
    fail(start('graph'), 'PIIDetectionError', 'PII detected: credit_card found 1 event(s)')
    expect(log.of('policy_violation')[0]?.data).toEqual({ rule: 'pii:credit_card', action: 'block' })
  })
})

describe('memory', () => {
  test('is compacted where a summary took the place of messages, whether or not content is reported', () => {
    const { log } = startRecordingSdk()
    const graph = start('graph')
    const withContent = start('SummarizationMiddleware.before_model', graph)
    const summary = message('HumanMessage', { content: '', additional_kwargs: { lc_source: 'summarization' } })
    end(withContent, {
      input: { messages: [{}, {}, {}, {}, {}] },
      output: { messages: [message('RemoveMessage', { id: '__remove_all__' }), summary, {}] },
    })
    const without = start('SummarizationMiddleware.before_model', graph)
    end(start('ChatOpenAI', without, 'LLM'), { metadata: { lc_source: 'summarization' } })
    end(without)
    end(start('SummarizationMiddleware.before_model', graph), { output: {} })
    end(graph)
    expect(log.of('context_compacted').map(({ data }) => data)).toEqual([{ droppedMessages: 4 }, {}])
  })

  test('is what a tool that is named so looks up', () => {
    const { log } = startRecordingSdk()
    const content = (text: string) => ({ output: { output: message('ToolMessage', { content: text }) } })
    end(start('search_memory', undefined, 'TOOL'), content('[{"k":1},{"k":2}]'))
    end(start('recallMemories', undefined, 'TOOL'), content('null'))
    end(start('load_user_memory', undefined, 'TOOL'), content('likes tea'))
    end(start('save_memory', undefined, 'TOOL'), content('[]'))
    const recalls = log.of('memory_recall')
    expect(recalls.map(({ data }) => data.hits)).toEqual([2, 0, undefined])
    expect(new Set(recalls.map(({ source }) => source.confidence))).toEqual(new Set(['heuristic']))
  })

  test('is asked once where a retriever asks others', () => {
    const { log } = startRecordingSdk()
    const ensemble = start('EnsembleRetriever', undefined, 'RETRIEVER')
    end(start('VectorStoreRetriever', ensemble, 'RETRIEVER'), {
      attributes: { 'retrieval.documents.0.document.content': 'a' },
    })
    end(ensemble, {
      attributes: { 'retrieval.documents.0.document.content': 'a', 'retrieval.documents.1.document.content': 'b' },
    })
    expect(log.of('memory_recall').map(({ data }) => data)).toEqual([{ tier: 'retriever', hits: 2 }])
  })
})

test('a call that the client of the model has told of as well is counted once', () => {
  const { log } = startRecordingSdk()
  const tokens = { 'llm.token_count.prompt': 20, 'llm.token_count.completion': 7 }
  const client = trace.getTracer('@arizeai/openinference-instrumentation-openai').startSpan('OpenAI Chat Completions')
  client.setAttributes({ 'openinference.span.kind': 'LLM', 'output.value': '{"id":"chatcmpl-1"}', ...tokens })
  client.end()
  const generation = { message: message('AIMessage', { id: 'chatcmpl-1' }) }
  end(start('ChatOpenAI', undefined, 'LLM'), { output: { generations: [[generation]] }, attributes: tokens })
  end(start('ChatOpenAI', undefined, 'LLM'), { attributes: tokens })
  expect(log.of('token_usage_updated').map(({ data }) => data.responseId)).toEqual(['chatcmpl-1', undefined])
})

test('what cannot be read costs only what would have been read from it', () => {
  const { log } = startRecordingSdk()
  const graph = start('graph')
  end(start('plan', graph), { output: '{"lg_name":"Command","goto":["half' })
  end(start('plan', graph), { output: `{"goto":["worker"],"x":"${'x'.repeat(300_000)}"}` })
  end(start('plan', graph), { output: '{"lg_name":"Command","goto":[null]}' })
  graph.setAttribute('metadata', '[not json')
  graph.setAttribute('input.value', '{"lg_name":"Command","resume"')
  graph.end()
  expect(log.types).toEqual(['run_started', 'run_completed'])
})
