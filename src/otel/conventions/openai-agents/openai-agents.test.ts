import { type Attributes, ROOT_CONTEXT, type Span, SpanStatusCode, trace } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { nextTurn, startRecordingSdk } from '../../../../test/support/audited-sdk.js'

/** A span of the bridge: kind and system are set right after its start, all else before its end. */
async function start(kind: string, name: string, parent?: Span): Promise<Span> {
  const around = parent ? trace.setSpan(ROOT_CONTEXT, parent) : ROOT_CONTEXT
  const tracer = trace.getTracer('@arizeai/openinference-instrumentation-openai-agents')
  const span = tracer.startSpan(name, {}, around)
  span.setAttributes({ 'openinference.span.kind': kind, 'llm.system': 'openai' })
  await nextTurn()
  return span
}

function end(span: Span, attributes: Attributes = {}, error?: string): void {
  span.setAttributes(attributes)
  span.setStatus(error === undefined ? { code: SpanStatusCode.OK } : { code: SpanStatusCode.ERROR, message: error })
  if (error !== undefined) span.recordException({ message: error })
  span.end()
}

/** One call of the runner: its trace, its task, and an agent with one turn. */
async function workflow(traceName = 'Support', taskName = traceName) {
  const root = await start('AGENT', traceName)
  const task = await start('CHAIN', taskName, root)
  const agent = await start('AGENT', 'Helper', task)
  const turn = await start('CHAIN', 'turn', agent)
  const fail = (error: string) => {
    for (const span of [turn, agent, task]) end(span, {}, `Error in agent run: {"error":${JSON.stringify(error)}}`)
  }
  const finish = () => {
    for (const span of [turn, agent, task, root]) end(span)
  }
  return { root, task, agent, turn, fail, finish }
}

async function answer(turn: Span, ...tools: string[]): Promise<void> {
  const calls = tools.flatMap((name, i): [string, string][] => {
    const call = `llm.output_messages.${i}.message.tool_calls.0.tool_call`
    return [
      [`${call}.id`, `call-${i}`],
      [`${call}.function.name`, name],
    ]
  })
  end(await start('LLM', 'response', turn), {
    'llm.output_messages.0.message.role': 'assistant',
    ...Object.fromEntries(calls),
  })
}

async function callTool(name: string, parent: Span, error?: string): Promise<void> {
  end(await start('TOOL', name, parent), { 'tool.name': name }, error)
}

describe('the trace of a workflow', () => {
  test('fails with the call of the runner that opened it, though its span never ends', async () => {
    const { log, audit } = startRecordingSdk()
    const { fail } = await workflow()
    fail('RangeError: too far')
    await audit.forceFlush()
    expect(log.of('run_failed').map(({ agent, data }) => [agent?.name, data.error.code])).toEqual([
      ['Helper', 'RangeError'],
      ['Support', 'RangeError'],
    ])
  })

  test('goes on after a failure of a call inside a trace of the user’s own', async () => {
    const { log, audit } = startRecordingSdk()
    const { root, fail } = await workflow('Outer', 'Support')
    fail('Error: no')
    await audit.forceFlush()
    expect(log.of('run_failed').map(({ agent }) => agent?.name)).toEqual(['Helper'])
    end(root)
    expect(log.of('run_completed').map(({ agent }) => agent?.name)).toEqual(['Outer'])
  })

  test('has failed when a streamed call did, though it ends without an error', async () => {
    const { log } = startRecordingSdk()
    const { root, fail } = await workflow()
    fail('MaxTurnsExceededError: Max turns (3) exceeded')
    end(root)
    expect(log.of('run_failed').map(({ agent }) => agent?.name)).toEqual(['Helper', 'Support'])
    expect(log.of('usage_limit_exceeded').map(({ data }) => data)).toEqual([{ axis: 'turns', limit: 3 }])
  })

  test('is cancelled with the call that its caller aborted', async () => {
    const { log, audit } = startRecordingSdk()
    const { fail } = await workflow()
    fail('Error: Request was aborted.')
    await audit.forceFlush()
    expect(log.of('run_cancelled').map(({ agent, source }) => [agent?.name, source.confidence])).toEqual([
      ['Helper', 'heuristic'],
      ['Support', 'heuristic'],
    ])
  })

  test('is not failed by a span of the user’s own that failed inside', async () => {
    const { log } = startRecordingSdk()
    const root = await start('AGENT', 'Outer')
    end(await start('CHAIN', 'prepare', root), {}, 'no file')
    end(root)
    expect(log.types).toEqual(['run_started', 'run_completed'])
  })
})

describe('an agent', () => {
  test('tells the limit that a handler of the user’s took', async () => {
    const { log } = startRecordingSdk()
    const { root, task, agent, turn } = await workflow()
    end(turn)
    end(agent, {}, 'Max turns exceeded: {"max_turns":2}')
    end(task)
    end(root)
    expect(log.of('usage_limit_exceeded').map(({ data }) => data)).toEqual([{ axis: 'turns', limit: 2 }])
    expect(log.of('run_completed').map(({ agent: { name } = {} }) => name)).toEqual(['Support'])
  })

  test('hands over where a hand-off ends, and a tool of that name is a tool', async () => {
    const { log } = startRecordingSdk()
    const { turn, finish } = await workflow()
    await answer(turn, 'handoff', 'transfer_to_Billing')
    await callTool('handoff', turn)
    const handoff = await start('TOOL', 'handoff', turn)
    handoff.updateName('handoff to Billing')
    end(handoff, { 'tool.name': 'handoff_to_Billing' }, 'Multiple handoffs requested: {"requested_agents":["Billing"]}')
    finish()
    expect(log.of('tool_call_completed').map(({ data }) => data.tool.name)).toEqual(['handoff'])
    expect(log.of('agent_handoff').map(({ data }) => data)).toEqual([{ from: 'Helper', to: 'Billing' }])
    expect(log.of('run_completed')).toHaveLength(2)
  })

  test('hands nothing over when the hand-off fails', async () => {
    const { log } = startRecordingSdk()
    const { turn, fail } = await workflow()
    end(await start('TOOL', 'handoff', turn), {}, 'not now')
    fail('Error: not now')
    expect(log.of('agent_handoff')).toEqual([])
    expect(log.of('tool_call_started')).toEqual([])
  })

  test('calls no tool when it lists those of an MCP server', async () => {
    const { log } = startRecordingSdk()
    const { turn, finish } = await workflow()
    end(await start('TOOL', 'mcp_tools', turn), { 'output.value': '["a"]' })
    finish()
    expect(log.of('tool_call_started')).toEqual([])
  })

  test('tells which guardrail was tripped', async () => {
    const { log } = startRecordingSdk()
    const { agent, fail } = await workflow()
    end(await start('GUARDRAIL', 'fine', agent), { 'guardrail.triggered': false })
    end(await start('GUARDRAIL', 'no-homework', agent), { 'guardrail.triggered': true })
    fail('InputGuardrailTripwireTriggered: Input guardrail triggered: {}')
    expect(log.of('policy_violation').map(({ data }) => data)).toEqual([{ rule: 'no-homework', action: 'blocked' }])
    expect(log.of('run_failed')[0]?.data.error.code).toBe('InputGuardrailTripwireTriggered')
  })

  test('tells an exhausted quota once, at the call of the model', async () => {
    const { log } = startRecordingSdk()
    const { turn, fail } = await workflow()
    end(await start('LLM', 'response', turn), {}, '429 You exceeded your current quota')
    fail('Error: 429 You exceeded your current quota')
    expect(log.of('usage_limit_exceeded').map(({ data, source }) => [data, source.confidence])).toEqual([
      [{ axis: 'quota' }, 'heuristic'],
    ])
  })
})

describe('an approval', () => {
  test('is waited for when a call the model asked for never begins', async () => {
    const { log } = startRecordingSdk()
    const { turn, finish } = await workflow()
    await answer(turn, 'weather', 'danger', 'danger')
    await callTool('weather', turn)
    finish()
    expect(log.of('tool_approval_requested').map(({ data }) => data)).toEqual([
      { callId: 'call-1', tool: { name: 'danger' } },
      { callId: 'call-2', tool: { name: 'danger' } },
    ])
    expect(log.of('run_suspended').map(({ agent, data }) => [agent?.name, data.reason, data.waitingFor])).toEqual([
      ['Helper', 'tool_approval', 'danger, danger'],
      ['Support', 'tool_approval', undefined],
    ])
  })

  test('is not waited for when the run fails, nor when it hands over', async () => {
    const { log } = startRecordingSdk()
    const failing = await workflow()
    await answer(failing.turn, 'nope')
    failing.fail('ModelBehaviorError: Tool nope not found in agent Helper.')
    const handing = await workflow('Other')
    await answer(handing.turn, 'transfer_to_a', 'transfer_to_b')
    const handoff = await start('TOOL', 'handoff', handing.turn)
    handoff.updateName('handoff to a')
    end(handoff)
    handing.finish()
    expect(log.of('run_suspended')).toEqual([])
    expect(log.of('tool_approval_requested')).toEqual([])
  })

  test('was granted to a call that comes before any call of the model', async () => {
    const { log } = startRecordingSdk()
    const { turn, finish } = await workflow()
    await callTool('danger', turn)
    await answer(turn)
    await callTool('weather', turn)
    finish()
    expect(log.of('resumed')).toHaveLength(1)
    expect(log.of('tool_approval_granted').map(({ data, source }) => [data.tool.name, source.confidence])).toEqual([
      ['danger', 'heuristic'],
    ])
    expect(log.of('tool_approval_requested'), 'told when the run before was suspended').toEqual([])
  })

  test('is told with the call that follows it where answers are not traced', async () => {
    const { log } = startRecordingSdk()
    const { turn, finish } = await workflow()
    await callTool('danger', turn)
    end(await start('LLM', 'response', turn))
    finish()
    expect(log.of('tool_approval_requested').map(({ data }) => data.tool.name)).toEqual(['danger'])
  })

  test('was denied to a call that the SDK says was rejected', async () => {
    const { log } = startRecordingSdk()
    const { turn, finish } = await workflow()
    const rejected = '{"tool_name":"danger","error":"Tool execution for call_1 was manually rejected by user."}'
    await callTool('danger', turn, `Tool execution was not approved.: ${rejected}`)
    finish()
    expect(log.of('tool_approval_denied')).toHaveLength(1)
    expect(log.of('tool_approval_granted')).toEqual([])
    expect(log.of('tool_call_failed')).toHaveLength(1)
  })

  test('was not the agent’s that goes on as a tool, but of a call inside it', async () => {
    const { log } = startRecordingSdk()
    const { turn, finish } = await workflow()
    const research = await start('TOOL', 'research', turn)
    const inner = await start('AGENT', 'Researcher', research)
    await callTool('danger', inner)
    end(inner)
    end(research, { 'tool.name': 'research' })
    finish()
    expect(log.of('tool_approval_granted').map(({ data }) => data.tool.name)).toEqual(['danger'])
  })

  test('lets a run go on below a task of its own when its trace has ended', async () => {
    const { log } = startRecordingSdk()
    const task = await start('CHAIN', 'Support')
    const agent = await start('AGENT', 'Helper', task)
    end(agent)
    end(task)
    expect(log.of('run_completed').map(({ agent: { name } = {} }) => name)).toEqual(['Helper', 'Support'])
  })
})
