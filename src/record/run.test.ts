import { SpanStatusCode, type Tracer, trace } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import {
  FakeListener,
  type Heard,
  listen,
  listenDirectly,
  startSdk,
  withContextManager,
} from '../../test/record/otel.js'
import { heardWarnings } from '../../test/support/warnings.js'
import type { ActiveRun } from './open-run.js'
import { recordAgentHandoff } from './record.js'
import { withRun } from './run.js'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

function story(heard: readonly Heard[]): [name: string, runId: unknown, parentRunId: unknown][] {
  return heard.map(({ name, attributes }) => [
    name.slice('spanledger.'.length),
    attributes['spanledger.run.id'],
    attributes['spanledger.parent_run.id'],
  ])
}

describe('a run that a span records', () => {
  test('says what it is from the start', () => {
    const ended = startSdk()
    const ids = { tenantId: 't', sessionId: 's', userId: 'u', runId: 'r' }
    withRun({ agentName: 'planner', agentId: 'a-1', model: 'm', trigger: 'user', ...ids }, () => {})
    expect(ended[0]).toMatchObject({ name: 'invoke_agent planner', status: { code: SpanStatusCode.UNSET } })
    expect(ended[0]?.attributes).toEqual({
      'spanledger.run.kind': 'agent',
      'spanledger.run.id': 'r',
      'spanledger.tenant.id': 't',
      'spanledger.session.id': 's',
      'spanledger.user.id': 'u',
      'spanledger.agent.id': 'a-1',
      'spanledger.agent.name': 'planner',
      'spanledger.model': 'm',
      'spanledger.trigger': 'user',
      'spanledger.run.outcome': 'completed',
      'gen_ai.operation.name': 'invoke_agent',
      'gen_ai.agent.id': 'a-1',
      'gen_ai.agent.name': 'planner',
      'gen_ai.conversation.id': 's',
      'gen_ai.request.model': 'm',
    })
  })

  test('a workflow is told apart, and nothing need be named', () => {
    const ended = startSdk()
    withRun({ kind: 'workflow', agentName: 'nightly' }, () => {})
    withRun({}, () => {})
    expect(ended.map(({ name }) => name)).toEqual(['invoke_workflow nightly', 'invoke_agent'])
    expect(ended[0]?.attributes).toMatchObject({
      'spanledger.run.kind': 'workflow',
      'gen_ai.operation.name': 'invoke_workflow',
      'gen_ai.workflow.name': 'nightly',
    })
    expect(ended[1]?.attributes).toEqual({
      'spanledger.run.kind': 'agent',
      'spanledger.run.id': expect.stringMatching(UUID),
      'spanledger.run.outcome': 'completed',
      'gen_ai.operation.name': 'invoke_agent',
    })
  })

  test('is active for what runs inside, and over when the function returns', () => {
    const ended = startSdk()
    const result = withRun({}, (run) => {
      recordAgentHandoff({ to: 'b' })
      expect(run.runId).toMatch(UUID)
      return 42
    })
    expect(result).toBe(42)
    expect(ended[0]?.events.map(({ name }) => name)).toEqual(['spanledger.agent_handoff'])
  })

  test('is over when the promise settles', async () => {
    const ended = startSdk()
    let release = (): void => {}
    const released = new Promise<void>((resolve) => {
      release = resolve
    })
    const result = withRun({}, async () => {
      await released
      recordAgentHandoff({ to: 'b' })
      return 'done'
    })
    expect(ended).toEqual([])
    release()
    await expect(result).resolves.toBe('done')
    expect(ended[0]?.events).toHaveLength(1)
  })

  test.each<[string, (thrown: unknown) => unknown]>([
    [
      'throws',
      (thrown) =>
        withRun({}, () => {
          throw thrown
        }),
    ],
    [
      'rejects',
      (thrown) =>
        withRun({}, async () => {
          throw thrown
        }),
    ],
  ])('fails with what the function %s, unchanged', async (_, run) => {
    const ended = startSdk()
    const thrown = Object.assign(new Error('gone'), { code: 'ENOENT' })
    await expect(async () => run(thrown)).rejects.toBe(thrown)
    expect(ended[0]).toMatchObject({ status: { code: SpanStatusCode.ERROR, message: 'gone' } })
    expect(ended[0]?.attributes).toMatchObject({ 'spanledger.run.outcome': 'failed', 'error.type': 'ENOENT' })
    expect(ended[0]?.events).toMatchObject([
      {
        name: 'exception',
        attributes: {
          'exception.type': 'ENOENT',
          'exception.message': 'gone',
          'exception.stacktrace': expect.stringContaining('run.test.ts'),
        },
      },
    ])
  })

  test('fails with a value that cannot be read', () => {
    const ended = startSdk()
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    let caught: unknown
    try {
      withRun({}, () => {
        throw proxy
      })
    } catch (thrown) {
      caught = thrown
    }
    expect(caught).toBe(proxy)
    expect(ended[0]?.attributes).toMatchObject({ 'spanledger.run.outcome': 'failed' })
  })

  test('ends as the handle says', () => {
    const ended = startSdk()
    withRun({}, (run) => run.complete({ finishReason: 'stop' }))
    withRun({}, (run) => run.cancel('user pressed stop', 'u-1'))
    withRun({}, (run) => run.suspend('approval', 'u-2'))
    expect(ended.map(({ attributes }) => attributes)).toMatchObject([
      { 'spanledger.run.outcome': 'completed', 'spanledger.run.finish_reason': 'stop' },
      {
        'spanledger.run.outcome': 'cancelled',
        'spanledger.run.reason': 'user pressed stop',
        'spanledger.run.cancelled_by': 'u-1',
      },
      {
        'spanledger.run.outcome': 'suspended',
        'spanledger.run.reason': 'approval',
        'spanledger.run.waiting_for': 'u-2',
      },
    ])
  })

  test('what stops a cancelled run is no failure; a completed one may still fail', () => {
    const ended = startSdk()
    const stop = (say: (run: ActiveRun) => void) =>
      expect(() =>
        withRun({}, (run) => {
          say(run)
          throw new Error('stop')
        }),
      ).toThrow('stop')
    stop((run) => run.cancel('timeout'))
    stop((run) => run.complete())
    expect(ended.map(({ status, attributes }) => [status.code, attributes['spanledger.run.outcome']])).toEqual([
      [SpanStatusCode.UNSET, 'cancelled'],
      [SpanStatusCode.ERROR, 'failed'],
    ])
  })

  test('listeners are told nothing directly: they hear the span', () => {
    startSdk()
    const listener = listen(new FakeListener(() => true))
    withRun({}, () => withRun({}, () => {}))
    expect(listener.names).toEqual([])
  })

  test('what breaks in tracing does not reach the function', () => {
    withContextManager()
    const listener = listenDirectly()
    const broken = {
      startSpan: () => {
        throw new Error('no tracer')
      },
    } as unknown as Tracer
    expect(withRun({ tracer: broken }, () => 42)).toBe(42)
    expect(listener.names).toEqual(['spanledger.run_started', 'spanledger.run_completed'])
  })

  test('uses the given tracer', () => {
    const ended = startSdk()
    withRun({ tracer: trace.getTracer('mine') }, () => {})
    expect(ended[0]?.instrumentationScope.name).toBe('mine')
  })
})

describe('mixed', () => {
  test('a recorded run inside one that no span records names that one in its context only', () => {
    const ended = startSdk()
    const listener = listen(new FakeListener(() => true))
    const off = {
      startSpan: () => trace.wrapSpanContext({ traceId: '', spanId: '', traceFlags: 0 }),
    } as unknown as Tracer
    withRun({ runId: 'o', tracer: off }, () => withRun({ runId: 'i' }, () => {}))
    expect(story(listener.heard)).toEqual([
      ['run_started', 'o', undefined],
      ['run_completed', 'o', undefined],
    ])
    expect(ended).toMatchObject([{ attributes: { 'spanledger.run.id': 'i' } }])
  })

  test('a run that no span records, inside a recorded one, is announced on its span', () => {
    const ended = startSdk()
    const listener = listen(new FakeListener(() => true))
    const off = {
      startSpan: () => trace.wrapSpanContext({ traceId: '', spanId: '', traceFlags: 0 }),
    } as unknown as Tracer
    withRun({ runId: 'o' }, () => withRun({ runId: 'i', tracer: off }, () => {}))
    expect(ended[0]?.events).toMatchObject([
      { name: 'spanledger.sub_agent_invoked', attributes: { 'spanledger.sub_run_id': 'i' } },
    ])
    expect(story(listener.heard)).toEqual([
      ['run_started', 'i', 'o'],
      ['run_completed', 'i', 'o'],
    ])
  })
})

test('without a context manager, events inside name the run', () => {
  const listener = listenDirectly()
  withRun({ agentName: 'planner' }, (run) => recordAgentHandoff({ to: 'b' }, { runId: run.runId }))
  const [started, handoff, completed] = story(listener.heard)
  expect(handoff?.[1]).toMatch(UUID)
  expect([started?.[1], completed?.[1]]).toEqual([handoff?.[1], handoff?.[1]])
})

test('a returned value that merely looks like a promise is waited for', async () => {
  const listener = listenDirectly()
  // biome-ignore lint/suspicious/noThenProperty: a thenable is what is tested.
  const thenable = { then: (resolve: (value: number) => void) => resolve(42) }
  expect(await withRun({}, () => thenable)).toBe(42)
  expect(listener.names).toEqual(['spanledger.run_started', 'spanledger.run_completed'])
})

test('a returned value whose then cannot be read is handed back', () => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  expect(withRun({}, () => proxy)).toBe(proxy)
})

test('options that cannot be used are left out and reported once; the function runs', () => {
  const warnings = heardWarnings()
  const listener = listenDirectly()
  for (let n = 0; n < 2; n++) {
    const given = { agent: 'planner', agentName: {}, runId: 7, kind: 'swarm', model: ['m'] }
    expect(withRun(given as never, ({ runId }) => runId)).toBe('7')
    expect(withRun(undefined as never, () => 'done')).toBe('done')
  }
  expect(story(listener.heard).map(([name]) => name)).toEqual(Array(4).fill(['run_started', 'run_completed']).flat())
  expect(warnings).toEqual([
    expect.stringContaining("unknown option 'agent'"),
    expect.stringContaining('agentName must be a text'),
    expect.stringContaining('model must be a text'),
    expect.stringContaining("kind must be 'agent' or 'workflow'"),
  ])
})
