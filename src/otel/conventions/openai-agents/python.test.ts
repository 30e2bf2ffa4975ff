import { type Attributes, type Span, SpanStatusCode } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { startRecordingSdk } from '../../../../test/support/audited-sdk.js'
import { wholeSpans } from '../../../../test/support/whole-spans.js'

/* The Agents SDK for Python through OpenInference: a trace always ends well, and agents are right below it. */

const { start, ok } = wholeSpans('openinference.instrumentation.openai_agents')

function agent(name: string, parent?: Span): Span {
  return start(name, { 'openinference.span.kind': 'AGENT' }, parent)
}

function tool(name: string, parent: Span, attributes: Attributes = {}): Span {
  return start(name, { 'openinference.span.kind': 'TOOL', ...attributes }, parent)
}

function endWith(span: Span, message: string): void {
  span.setStatus({ code: SpanStatusCode.ERROR, message }).end()
}

describe('the Agents SDK for Python', () => {
  test('tells that a workflow failed as its last agent did, with the limit once', () => {
    const { log } = startRecordingSdk()
    const workflow = agent('Agent workflow')
    endWith(agent('Looper', workflow), "Max turns exceeded: {'max_turns': 3}")
    ok(workflow)
    expect(log.of('run_failed').map(({ agent: { name } = {} }) => name)).toEqual(['Looper', 'Agent workflow'])
    expect(log.of('usage_limit_exceeded').map(({ data }) => data)).toEqual([{ axis: 'turns', limit: 3 }])
  })

  test('tells that a workflow is well whose last agent was, whatever happened before', () => {
    const { log } = startRecordingSdk()
    const workflow = agent('Agent workflow')
    endWith(agent('first', workflow), "Error in agent run: {'error': \"it's down\"}")
    ok(agent('second', workflow))
    ok(workflow)
    expect(log.of('run_failed').map(({ data }) => data.error.message)).toEqual(["it's down"])
    expect(log.of('run_completed').map(({ agent: { name } = {} }) => name)).toEqual(['second', 'Agent workflow'])
  })

  test('tells the guardrail that was triggered, where the error alone does', () => {
    const { log } = startRecordingSdk()
    const workflow = agent('Agent workflow')
    const guarded = agent('Guarded', workflow)
    ok(start('math', { 'openinference.span.kind': 'GUARDRAIL' }, guarded))
    endWith(guarded, "Guardrail tripwire triggered: {'guardrail': 'math'}")
    ok(workflow)
    expect(log.of('policy_violation').map(({ data }) => data)).toEqual([{ rule: 'math', action: 'blocked' }])
  })

  test('tells it once, where the guardrail does as well', () => {
    const { log } = startRecordingSdk()
    const guarded = agent('Guarded')
    ok(start('math', { 'openinference.span.kind': 'GUARDRAIL', 'guardrail.triggered': true }, guarded))
    endWith(guarded, "Guardrail tripwire triggered: {'guardrail': 'math'}")
    expect(log.of('policy_violation')).toHaveLength(1)
  })

  test('tells what a tool threw, and hand-offs', () => {
    const { log } = startRecordingSdk()
    const workflow = agent('Agent workflow')
    const triage = agent('triage', workflow)
    endWith(
      tool('search', triage),
      "Error running tool (non-fatal): {'tool_name': 'search', 'error': 'ValueError: down'}",
    )
    ok(tool('handoff to billing', triage))
    ok(triage)
    ok(agent('billing', workflow))
    ok(workflow)
    expect(log.of('tool_call_failed')[0]?.data.error).toEqual({ code: 'ValueError', message: 'ValueError: down' })
    expect(log.of('agent_handoff')[0]?.data).toEqual({ from: 'triage', to: 'billing' })
  })
})
