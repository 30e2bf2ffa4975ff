import { expect, test } from 'vitest'
import { RunState } from '../../tracking/run-state.js'
import { factsOfException } from './exception-names.js'

function factOf(code: string, message = ''): unknown {
  const [fact] = factsOfException({ code, message }, { runState: undefined, ownState: undefined })
  return fact && { type: fact.type, ...fact.data }
}

test.each([
  ['agents.exceptions.MaxTurnsExceeded', 'Max turns (10) exceeded', { axis: 'turns', limit: 10 }],
  ['MaxTurnsExceededError', '', { axis: 'turns' }],
  ['langgraph.errors.GraphRecursionError', 'Recursion limit of 25 reached', { axis: 'turns', limit: 25 }],
  ['smolagents.utils.AgentMaxStepsError', 'Reached max steps.', { axis: 'turns' }],
  ['google.adk.agents.invocation_context.LlmCallsLimitExceededError', '', { axis: 'requests' }],
  ['strands.types.exceptions.MaxTokensReachedException', '', { axis: 'output_tokens' }],
  ['UsageLimitExceeded', 'The next request would exceed the request_limit of 3', { axis: 'requests', limit: 3 }],
  [
    'UsageLimitExceeded',
    'Exceeded the total_tokens_limit of 90 (total_tokens=97)',
    { axis: 'total_tokens', limit: 90 },
  ],
  ['UsageLimitExceeded', 'Exceeded the `cost_limit` of 0.5 (cost=0.7)', { axis: 'cost_usd', limit: 0.5 }],
  ['UsageLimitExceeded', 'other words', { axis: 'usage' }],
])('the class %s with the text "%s" tells a limit', (code, message, data) => {
  expect(factOf(code, message)).toEqual({ type: 'usage_limit_exceeded', ...data })
})

test.each([
  ['agents.exceptions.InputGuardrailTripwireTriggered', 'input_guardrail'],
  ['OutputGuardrailTripwireTriggered', 'output_guardrail'],
  ['ToolInputGuardrailTripwireTriggered', 'tool_input_guardrail'],
])('the class %s tells a violation', (code, rule) => {
  expect(factOf(code)).toEqual({ type: 'policy_violation', rule, action: 'blocked' })
})

test.each(['ValueError', 'MaxTurns', 'x.MaxTurnsExceeded.Other', ''])('the class "%s" tells nothing', (code) => {
  expect(factOf(code)).toBeUndefined()
})

test('an exception that ends several runs is told of the innermost', () => {
  const error = { code: 'MaxTurnsExceeded', message: '' }
  const [outer, inner] = [new RunState(), new RunState()]
  expect(factsOfException(error, { runState: outer, ownState: inner })).toHaveLength(1)
  expect(factsOfException(error, { runState: undefined, ownState: outer })).toEqual([])
})
