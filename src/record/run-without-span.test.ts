import { AlwaysOffSampler } from '@opentelemetry/sdk-trace'
import { describe, expect, test } from 'vitest'
import { type Heard, listenDirectly, startSdk, withContextManager } from '../../test/record/otel.js'
import { contextScope } from './context.js'
import { recordAgentHandoff, recordTokenUsageUpdated } from './record.js'
import { withRun } from './run.js'

function story(heard: readonly Heard[]): [name: string, runId: unknown, parentRunId: unknown][] {
  return heard.map(({ name, attributes }) => [
    name.slice('spanledger.'.length),
    attributes['spanledger.run.id'],
    attributes['spanledger.parent_run.id'],
  ])
}

describe.each<[string, () => void]>([
  ['without an SDK', withContextManager],
  ['where it is sampled out', () => startSdk(new AlwaysOffSampler())],
])('a run that no span records (%s)', (_, setUp) => {
  test('goes to the listeners: start, what happens inside, end', () => {
    setUp()
    const listener = listenDirectly()
    const ids = { tenantId: 't', sessionId: 's', userId: 'u', runId: 'r' }
    withRun({ agentName: 'planner', agentId: 'a-1', model: 'm', trigger: 'user', ...ids }, (run) => {
      recordAgentHandoff({ to: 'b' })
      run.complete({ finishReason: 'stop' })
    })
    expect(listener.names).toEqual(['spanledger.run_started', 'spanledger.agent_handoff', 'spanledger.run_completed'])
    const scope = {
      'spanledger.tenant.id': 't',
      'spanledger.session.id': 's',
      'spanledger.user.id': 'u',
      'spanledger.run.id': 'r',
      'spanledger.agent.id': 'a-1',
      'spanledger.agent.name': 'planner',
    }
    const [started, handoff, completed] = listener.heard as [Heard, Heard, Heard]
    expect(started.attributes).toEqual({ ...scope, 'spanledger.model': 'm', 'spanledger.trigger': 'user' })
    expect(completed.attributes).toEqual({
      ...scope,
      'spanledger.duration_ms': expect.any(Number),
      'spanledger.finish_reason': 'stop',
    })
    expect(contextScope(handoff.context)).toEqual({
      tenantId: 't',
      sessionId: 's',
      userId: 'u',
      run: { runId: 'r', parentRunId: undefined, agent: { id: 'a-1', name: 'planner' } },
    })
  })

  test('fails when the function throws or rejects', async () => {
    setUp()
    const listener = listenDirectly()
    const thrown = new RangeError('too far')
    expect(() =>
      withRun({}, () => {
        throw thrown
      }),
    ).toThrow(thrown)
    await expect(withRun({}, () => Promise.reject(thrown))).rejects.toBe(thrown)
    expect(listener.names).toEqual([
      'spanledger.run_started',
      'spanledger.run_failed',
      'spanledger.run_started',
      'spanledger.run_failed',
    ])
    for (const failed of [listener.heard[1], listener.heard[3]]) {
      expect(failed?.attributes).toMatchObject({
        'spanledger.duration_ms': expect.any(Number),
        'spanledger.error.code': 'RangeError',
        'spanledger.error.message': 'too far',
      })
      expect(Object.keys(failed?.attributes ?? {})).not.toContain('spanledger.error.stack')
    }
  })

  test('ends as the handle says', () => {
    setUp()
    const listener = listenDirectly()
    withRun({}, (run) => run.cancel('timeout', 'u-1'))
    withRun({}, (run) => run.suspend('approval', 'u-2'))
    expect([listener.heard[1], listener.heard[3]]).toMatchObject([
      {
        name: 'spanledger.run_cancelled',
        attributes: { 'spanledger.reason': 'timeout', 'spanledger.by': 'u-1' },
      },
      {
        name: 'spanledger.run_suspended',
        attributes: { 'spanledger.reason': 'approval', 'spanledger.waiting_for': 'u-2' },
      },
    ])
  })

  test('inside another, the outer one first says that it invoked a sub-agent', async () => {
    setUp()
    const listener = listenDirectly()
    await withRun({ agentName: 'outer', runId: 'o', sessionId: 's' }, async () => {
      await withRun({ agentName: 'inner', runId: 'i', sessionId: 's-2' }, async () => recordAgentHandoff({ to: 'b' }))
    })
    expect(story(listener.heard)).toEqual([
      ['run_started', 'o', undefined],
      ['sub_agent_invoked', undefined, undefined],
      ['run_started', 'i', 'o'],
      ['agent_handoff', undefined, undefined],
      ['run_completed', 'i', 'o'],
      ['run_completed', 'o', undefined],
    ])
    expect(listener.heard[1]?.attributes).toEqual({
      'spanledger.agent_id': 'inner',
      'spanledger.sub_thread_id': 's-2',
      'spanledger.sub_run_id': 'i',
    })
    const runAt = (index: number) => contextScope((listener.heard[index] as Heard).context)?.run?.runId
    expect([1, 3].map(runAt)).toEqual(['o', 'i'])
  })

  test('runs side by side stay apart', async () => {
    setUp()
    const listener = listenDirectly()
    const run = (runId: string) =>
      withRun({ runId }, async () => {
        await Promise.resolve()
        recordTokenUsageUpdated({ inputTokens: 1, outputTokens: 1, model: runId })
      })
    await Promise.all([run('a'), run('b')])
    const usage = listener.heard.filter(({ name }) => name === 'spanledger.token_usage_updated')
    expect(
      usage.map(({ attributes, context }) => [attributes['spanledger.model'], contextScope(context)?.run?.runId]),
    ).toEqual([
      ['a', 'a'],
      ['b', 'b'],
    ])
  })
})
