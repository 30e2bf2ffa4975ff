import { expect, test } from 'vitest'
import { agentRecords, recorded } from '../../../../test/support/agent-records.js'
import { startRecordingSdk } from '../../../../test/support/audited-sdk.js'

function qwen() {
  const { audit, log } = startRecordingSdk()
  const common = { 'session.id': 's1', prompt_id: 'p1' }
  return { audit, log, emit: agentRecords(audit, { prefix: 'qwen-code.', scope: 'qwen-code', common }) }
}

test('an agent that the framework runs for itself is no run, and its tokens are those of the prompt', async () => {
  const { audit, log, emit } = qwen()
  emit('user_prompt')
  emit('subagent_execution', { subagent_name: 'managed-auto-memory-extractor', status: 'started' })
  const own = { subagent_name: 'managed-auto-memory-extractor', prompt_id: 's1#managed-auto-memory-extractor-k#0' }
  emit('api_response', { ...own, input_token_count: 20, output_token_count: 7, total_token_count: 27 })
  const events = await recorded(audit, log)
  const [started, ...others] = events.filter(({ type }) => type === 'run_started')
  expect(others).toEqual([])
  expect(events.find(({ type }) => type === 'token_usage_updated')?.runId).toBe(started?.runId)
})

test('an agent of the user’s is a run inside', async () => {
  const { audit, log, emit } = qwen()
  emit('user_prompt')
  emit('subagent_execution', { subagent_name: 'Explore', status: 'started' })
  emit('subagent_execution', { subagent_name: 'Explore', status: 'completed', terminate_reason: 'GOAL' })
  const events = await recorded(audit, log)
  const [prompt, agent] = events.filter(({ type }) => type === 'run_started')
  expect(agent).toMatchObject({ agent: { name: 'Explore' }, parentRunId: prompt?.runId })
  expect(events.filter(({ type, runId }) => type === 'run_completed' && runId === agent?.runId)).toHaveLength(1)
})

test('a cancelled request ends the prompt as cancelled', async () => {
  const { audit, log, emit } = qwen()
  emit('user_prompt')
  emit('api_request')
  emit('api_cancel')
  expect((await recorded(audit, log)).at(-1)).toMatchObject({ type: 'run_cancelled' })
})

test('memory is recalled where something was looked for', async () => {
  const { audit, log, emit } = qwen()
  emit('user_prompt')
  emit('memory.recall', { strategy: 'none', docs_selected: 0 })
  emit('memory.recall', { strategy: 'model', docs_selected: 2 })
  const recalls = (await recorded(audit, log)).filter(({ type }) => type === 'memory_recall')
  expect(recalls.map(({ data }) => data)).toEqual([{ tier: 'memory', hits: 2 }])
})

test('where thoughts are part of the output, they count once', async () => {
  const { audit, log, emit } = qwen()
  emit('user_prompt')
  const counts = { input_token_count: 20, output_token_count: 57, thoughts_token_count: 50, total_token_count: 77 }
  emit('api_response', counts)
  const usage = (await recorded(audit, log)).find(({ type }) => type === 'token_usage_updated')
  expect(usage?.data).toMatchObject({ inputTokens: 20, outputTokens: 57, totalTokens: 77 })
})
