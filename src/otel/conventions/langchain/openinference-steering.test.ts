import { describe, expect, test } from 'vitest'
import { startRecordingSdk } from '../../../../test/support/audited-sdk.js'
import { answerWithCalls, command, end, fail, message, start } from '../../../../test/support/langchain-spans.js'

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
