import type { Attributes } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { startRecordingSdk } from '../support/audited-sdk.js'
import { type Dialect, errorNamed, Speaker, type Spoken } from './dialect.js'

/** The cases that hold for each convention, whatever its words. */
export function conventionCases(dialect: Dialect): void {
  const speaker = new Speaker(dialect)
  const { tool, model, repeatedUsage, session, pause, ownFailures } = dialect

  async function callModel(agent: Spoken, input: number, output: number): Promise<void> {
    const step = await speaker.step(agent)
    speaker.end(await speaker.start(model(input, output), step))
    if (step !== agent) speaker.end(step)
  }

  async function callTool(agent: Spoken, end: (call: Spoken) => void): Promise<void> {
    const step = await speaker.step(agent)
    end(await speaker.start(tool('search', 'c-1'), step))
    if (step !== agent) speaker.end(step)
  }

  describe('in common with all conventions', () => {
    test('a run starts once and completes once, under the name of its agent', async () => {
      const { log, audit } = startRecordingSdk()
      const { finish } = await speaker.agent('planner')
      finish()
      await audit.forceFlush()
      expect(log.types).toEqual(['run_started', 'run_completed'])
      expect(log.of('run_completed')[0]?.agent?.name ?? log.of('run_completed')[0]?.agent?.id).toBe('planner')
    })

    test('a tool call starts once and completes once, in the run', async () => {
      const { log, audit } = startRecordingSdk()
      const { agent, finish } = await speaker.agent('planner')
      await callTool(agent, (call) => speaker.end(call))
      finish()
      await audit.forceFlush()
      const [run] = log.of('run_started')
      expect(log.of('tool_call_started')).toHaveLength(1)
      expect(log.of('tool_call_completed')).toMatchObject([{ runId: run?.runId, data: { tool: { name: 'search' } } }])
    })

    test.skipIf(ownFailures)('a tool that throws fails once, and the run goes on', async () => {
      const { log, audit } = startRecordingSdk()
      const { agent, finish } = await speaker.agent('planner')
      await callTool(agent, (call) => speaker.fail(call, errorNamed('RangeError', 'too far')))
      finish()
      await audit.forceFlush()
      expect(log.of('tool_call_failed')).toHaveLength(1)
      expect(log.of('tool_call_completed')).toHaveLength(0)
      expect(log.types.filter((type) => type.startsWith('run_'))).toEqual(['run_started', 'run_completed'])
    })

    test.skipIf(ownFailures)('a run that throws fails once', async () => {
      const { log, audit } = startRecordingSdk()
      const { agent } = await speaker.agent('planner')
      speaker.fail(agent, errorNamed('RangeError', 'too far'))
      await audit.shutdown()
      expect(log.of('run_failed')).toMatchObject([{ data: { error: { code: 'RangeError' } } }])
      expect(log.types.filter((type) => type.startsWith('run_'))).toEqual(['run_started', 'run_failed'])
    })

    test.skipIf(ownFailures)('a run whose caller aborts is cancelled', async () => {
      const { log, audit } = startRecordingSdk()
      const { agent } = await speaker.agent('planner')
      speaker.fail(agent, errorNamed('AbortError', 'This operation was aborted'))
      await audit.shutdown()
      expect(log.types.filter((type) => type.startsWith('run_'))).toEqual(['run_started', 'run_cancelled'])
    })

    test('tokens are counted once, also where the agent repeats them', async () => {
      const { log, audit } = startRecordingSdk()
      const { agent, finish } = await speaker.agent('planner')
      await callModel(agent, 20, 7)
      await callModel(agent, 30, 3)
      finish(repeatedUsage?.(50, 10))
      await audit.forceFlush()
      const sum = (field: 'inputTokens' | 'outputTokens') =>
        log.of('token_usage_updated').reduce((total, { data }) => total + data[field], 0)
      expect([sum('inputTokens'), sum('outputTokens')]).toEqual([50, 10])
      expect(log.of('run_completed')[0]?.data.usage).toMatchObject({ inputTokens: 50, outputTokens: 10 })
    })

    test('a client inside that tells of the same call adds nothing', async () => {
      const { log, audit } = startRecordingSdk()
      const { agent, finish } = await speaker.agent('planner')
      const step = await speaker.step(agent)
      const call = await speaker.start(model(20, 7), step)
      const client = new Speaker({ ...dialect, scope: 'http-client-instrumentation' })
      const chat = { 'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'm-1' }
      const usage = { 'gen_ai.usage.input_tokens': 20, 'gen_ai.usage.output_tokens': 7 }
      client.end(await client.start({ name: 'chat m-1', start: chat, end: usage }, call))
      speaker.end(call)
      if (step !== agent) speaker.end(step)
      finish()
      await audit.forceFlush()
      const usages = log.of('token_usage_updated').map(({ data }) => [data.inputTokens, data.outputTokens])
      expect(usages).toEqual([[20, 7]])
    })

    test.skipIf(!session)('a session that is told at the end is that of the run', async () => {
      const { log, audit } = startRecordingSdk()
      const { finish } = await speaker.agent('planner')
      finish(session?.('s-1'))
      await audit.forceFlush()
      expect(log.of('run_completed')[0]?.sessionId).toBe('s-1')
    })

    test.skipIf(!pause)('a pause is no failure', async () => {
      const { log, audit } = startRecordingSdk()
      const { agent, finish } = await speaker.agent('planner')
      await callTool(agent, (call) => pause?.(call.span, agent.span))
      finish()
      await audit.forceFlush()
      expect(log.types).not.toContain('tool_call_failed')
      expect(log.types).not.toContain('run_failed')
      expect(log.of('run_suspended')).toHaveLength(1)
    })

    test('values that are cut, or of another kind than they should be, neither throw nor make up a failure', async () => {
      for (const damage of DAMAGES) {
        const { log, audit } = startRecordingSdk({}, { spanLimits: { attributeValueLengthLimit: 12 } })
        const damaged = new Speaker(dialect)
        const words = [dialect.agent('planner'), tool('search', 'c-1'), model(20, 7)]
        let parent = dialect.around && (await damaged.start(dialect.around))
        for (const said of words) {
          const soon = damagedBy(damage, { ...said.start, ...said.soon })
          parent = await damaged.start({ ...said, start: {}, soon, end: damagedBy(damage, said.end ?? {}) }, parent)
          damaged.end(parent)
        }
        await audit.shutdown()
        expect(log.types).not.toContain('run_failed')
        expect(log.types).not.toContain('tool_call_failed')
      }
    })
  })
}

const DAMAGES: readonly unknown[] = [null, true, -1, Number.NaN, '', '{', '[]', '"', ['a', null], { a: 1 }, '\0']

/** The attributes that say what a span is stay; the others become what nobody expects. */
function damagedBy(damage: unknown, attributes: Attributes): Attributes {
  const kept = /operation|kind|type$|operationId/i
  return Object.fromEntries(
    Object.entries(attributes).map(([key, value]) => [key, kept.test(key) ? value : (damage as string)]),
  )
}
