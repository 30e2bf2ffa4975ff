import { type ReadableSpan, type SpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { describe, expect, test } from 'vitest'
import { AuditSpanProcessor } from '../../../src/otel/processor.js'
import { startRecordingSdk } from '../../support/audited-sdk.js'
import { CollectingLog } from '../../support/collecting-log.js'
import type { Dialect } from '../dialect.js'
import { errorNamed, Speaker } from '../speaker.js'
import { begin, doesTell, typesOf } from './story.js'

/** The ways in which the same spans come: at once, late, or through two providers. */
export function orderCases(dialect: Dialect): void {
  describe('ways of coming', () => {
    test('spans that come whole, late and in reverse tell the same', async () => {
      const ended = new EndedSpans()
      const { log, speaker, callTool, callModel, finish, close } = await begin(dialect, { after: [ended] })
      await callModel(20, 7)
      await callTool()
      if (doesTell(dialect, 'tool failure')) {
        await callTool('c-2', (call) => speaker.fail(call, errorNamed('RangeError', 'too far')))
      }
      finish({ ...dialect.repeatedUsage?.(20, 7), ...dialect.session?.('s-1') })
      await close()
      const late = new CollectingLog()
      const audit = new AuditSpanProcessor({ log: late })
      audit.deliver({ spans: ended.spans.toReversed() })
      await audit.shutdown()
      expect(typesOf(log, 'run_')).toEqual(['run_started', 'run_completed'])
      expect(factsOf(late)).toEqual(factsOf(log))
    })

    test('a second provider with the same processor, which has it twice, tells nothing twice', async () => {
      const { log, audit } = startRecordingSdk()
      const first = new Speaker(dialect)
      const provider = new TracerProvider({ spanProcessors: [audit, audit] })
      const second = new Speaker(dialect, provider)
      const { agent, finish } = await first.agent('planner')
      await first.call(agent, dialect.model?.(20, 7), (call) => first.end(call))
      await second.call(agent, dialect.tool('search', 'c-1'), (call) => second.end(call))
      finish()
      await audit.shutdown()
      expect(log.types.filter((type) => /^(run|tool)_/.test(type)).toSorted()).toEqual([
        'run_completed',
        'run_started',
        'tool_call_completed',
        'tool_call_started',
      ])
      expect(new Set(log.events.filter(({ runId }) => runId !== undefined).map(({ runId }) => runId)).size).toBe(1)
    })
  })
}

/** Keeps spans as exporters get them. */
class EndedSpans implements SpanProcessor {
  readonly spans: ReadableSpan[] = []

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    this.spans.push(span)
  }

  async forceFlush(): Promise<void> {}

  async shutdown(): Promise<void> {}
}

/** Returns what was recorded, less the ids and times of recording, and less the names that one of two ways learns sooner. */
function factsOf({ events }: CollectingLog): readonly string[] {
  return events
    .filter(({ type }) => !type.startsWith('audit_') && type !== 'run_identified')
    .map(({ type, agent, runId, parentRunId, data }) => {
      const { callId: _, agent: __, ...said } = data as Readonly<Record<string, unknown>>
      return JSON.stringify({ type, agent: agent?.name ?? agent?.id, runId, parentRunId, said })
    })
    .toSorted()
}
