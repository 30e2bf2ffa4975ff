import { SpanKind } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { startRecordingSdk } from '../../support/audited-sdk.js'
import type { Dialect, Spoken } from '../dialect.js'
import { genAi } from '../dialects/gen-ai.js'
import { errorNamed, Speaker, sayLastWords } from '../speaker.js'
import { begin, doesTell, typesOf } from './story.js'

const tooFar = errorNamed('RangeError', 'too far')

/** Runs and calls of tools: what happened once is told once, with its outcome. */
export function courseCases(dialect: Dialect, convention: string): void {
  const { agentName = 'planner', errorCode = tooFar.name, pause } = dialect
  const tellsToolFailures = doesTell(dialect, 'tool failure')

  describe('runs and tools', () => {
    test('a run starts once and completes once, under the name of its agent', async () => {
      const { log, finish, close } = await begin(dialect)
      finish()
      await close()
      expect(typesOf(log, 'run_')).toEqual(['run_started', 'run_completed'])
      const agent = log.of('run_completed')[0]?.agent
      expect(agent?.name ?? agent?.id ?? '').toBe(agentName)
    })

    test('a tool call starts once and completes once, in the run', async () => {
      const { log, callTool, finish, close } = await begin(dialect)
      await callTool()
      finish()
      await close()
      const [run] = log.of('run_started')
      expect(log.events.map(({ source }) => source.convention)).toContain(convention)
      expect(typesOf(log, 'tool_call')).toEqual(['tool_call_started', 'tool_call_completed'])
      expect(log.of('tool_call_completed')).toMatchObject([{ runId: run?.runId, data: { tool: { name: 'search' } } }])
    })

    test('tools that run side by side are told each by itself', async () => {
      const { log, speaker, agent, finish, close } = await begin(dialect)
      const calls: Spoken[] = []
      for (const id of ['c-1', 'c-2', 'c-3']) {
        await speaker.call(agent, dialect.tool('search', id), (call) => void calls.push(call))
      }
      for (const call of calls) speaker.end(call)
      finish()
      await close()
      const ids = log.of('tool_call_completed').map(({ data }) => data.callId)
      expect(
        log
          .of('tool_call_started')
          .map(({ data }) => data.callId)
          .sort(),
      ).toEqual(ids.sort())
      expect(new Set(ids).size).toBe(3)
    })

    test.runIf(tellsToolFailures)('a tool that throws fails once, and the run goes on', async () => {
      const { log, speaker, callTool, finish, close } = await begin(dialect)
      await callTool('c-1', (call) => speaker.fail(call, tooFar))
      finish()
      await close()
      expect(typesOf(log, 'tool_call')).toEqual(['tool_call_started', 'tool_call_failed'])
      expect(log.of('tool_call_failed')[0]?.data.error?.code).toBe(errorCode)
      expect(typesOf(log, 'run_')).toEqual(['run_started', 'run_completed'])
    })

    test.runIf(tellsToolFailures)(
      'a tool that is called again after it failed fails once and completes once',
      async () => {
        const { log, speaker, callTool, finish, close } = await begin(dialect)
        await callTool('c-1', (call) => speaker.fail(call, tooFar))
        await callTool('c-2')
        finish()
        await close()
        expect(typesOf(log, 'tool_call_').toSorted()).toEqual([
          'tool_call_completed',
          'tool_call_failed',
          'tool_call_started',
          'tool_call_started',
        ])
        expect(typesOf(log, 'run_')).toEqual(['run_started', 'run_completed'])
      },
    )

    test.runIf(doesTell(dialect, 'protocol'))(
      'a tool is told once that a client of MCP inside tells, too',
      async () => {
        const { log, speaker, callTool, finish, close } = await begin(dialect)
        await callTool('c-1', async (call) => {
          speaker.end(await speaker.start(MCP_REQUEST, call))
          speaker.end(call)
        })
        finish()
        await close()
        expect(typesOf(log, 'tool_call').toSorted()).toEqual(['tool_call_completed', 'tool_call_started'])
      },
    )

    test.runIf(doesTell(dialect, 'host'))(
      'an agent inside a hosting layer that tells of it, too, is one run',
      async () => {
        const { log, audit } = startRecordingSdk()
        const host = new Speaker(genAi)
        const around = await host.start({
          ...genAi.agent(dialect.agentName || 'writer'),
          scope: 'hosting',
          kind: SpanKind.SERVER,
        })
        const { finish } = await new Speaker(dialect).agent('writer', around)
        finish()
        host.end(around)
        await audit.shutdown()
        expect(log.of('run_started')).toHaveLength(1)
        expect(log.of('run_completed')).toHaveLength(1)
      },
    )

    test.runIf(doesTell(dialect, 'sub-agent'))('an agent inside a tool of another is its sub-agent, once', async () => {
      const { log, speaker, callTool, finish, close } = await begin(dialect)
      await callTool('c-1', async (call) => {
        const inner = await speaker.agent('writer', call)
        inner.finish()
        speaker.end(call)
      })
      finish()
      await close()
      const [outer, inner] = log.of('run_started')
      expect(inner?.parentRunId).toBe(outer?.runId)
      expect(log.of('run_completed').map(({ runId }) => runId)).toEqual([inner?.runId, outer?.runId])
      expect(log.of('tool_call_completed').map(({ runId }) => runId)).toEqual([outer?.runId])
    })

    test.runIf(doesTell(dialect, 'run failure'))('a run that throws fails once', async () => {
      const { log, speaker, agent, fail, close } = await begin(dialect)
      await speaker.call(agent, dialect.model?.(20, 7), (call) => speaker.fail(call, tooFar))
      fail(tooFar)
      await close()
      expect(typesOf(log, 'run_')).toEqual(['run_started', 'run_failed'])
      expect(log.of('run_failed')[0]?.data.error.code).toBe(errorCode)
    })

    test.runIf(doesTell(dialect, 'cancellation')).each([
      ['AbortError', 'This operation was aborted'],
      ['CancelledError', 'cancelled'],
    ])('a run that ends with %s is cancelled', async (name, message) => {
      const { log, fail, close } = await begin(dialect)
      fail(errorNamed(name, message))
      await close()
      expect(typesOf(log, 'run_')).toEqual(['run_started', 'run_cancelled'])
    })

    test.runIf(pause)('a pause is no failure', async () => {
      const { log, speaker, callTool, finish, close } = await begin(dialect)
      await callTool('c-1', (call, around) => {
        sayLastWords(call)
        pause?.(call.span, around.span)
        call.span.end(speaker.now())
      })
      finish()
      await close()
      expect(typesOf(log, 'tool_call_')).toEqual(['tool_call_started'])
      expect(typesOf(log, 'run_')).toEqual(['run_started', 'run_suspended'])
    })
  })
}

const MCP_REQUEST = {
  name: 'tools/call search',
  scope: 'mcp',
  kind: SpanKind.CLIENT,
  start: {
    'gen_ai.operation.name': 'execute_tool',
    'gen_ai.tool.name': 'search',
    'mcp.method.name': 'tools/call',
  },
}
