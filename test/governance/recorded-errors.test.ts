import { context, trace } from '@opentelemetry/api'
import { TracerProvider } from '@opentelemetry/sdk-trace'
import { afterEach, expect, test } from 'vitest'
import { AuditSpanProcessor, openAuditLogReader } from '../../src/index.js'
import { recordErrorOccurred, recordRunFailed, recordToolCallFailed, withRun } from '../../src/record/index.js'
import { directory, useTestDirectory } from '../support/test-directory.js'

useTestDirectory()
afterEach(() => {
  trace.disable()
  context.disable()
})

test.each([
  [undefined, 'content'],
  ['digest', 'digest'],
  ['metadata', undefined],
] as const)(
  'stack traces of errors that are recorded by hand are diagnostics (level %s)',
  async (diagnostics, level) => {
    const policy = diagnostics && { name: 'p', rules: [{ diagnostics }] }
    const audit = new AuditSpanProcessor({ location: directory, ...(policy && { policy }) })
    const provider = new TracerProvider({ spanProcessors: [audit] })
    const tracer = provider.getTracer('app')
    const error = new RangeError('too far')
    recordErrorOccurred(error, { operation: 'chat' })
    recordRunFailed(error, {}, { runId: 'r' })
    recordToolCallFailed(error, { callId: 'c', tool: { name: 't' } })
    const failing = () =>
      withRun({ agentName: 'a', tracer }, () => {
        throw error
      })
    expect(failing).toThrow(error)
    await provider.shutdown()
    const reader = await openAuditLogReader(directory)
    const types = ['error_occurred', 'run_failed', 'tool_call_failed'] as const
    const events = await reader.events({ type: types, content: 'all' }).toArray()
    expect(events.map(({ type }) => type).sort()).toEqual([types[0], types[1], types[1], types[2]])
    for (const event of events) {
      const { stackTrace } = event.data.error as { stackTrace?: string }
      expect(stackTrace).toBe(level === 'content' ? error.stack : undefined)
      const levels = event.content?.items
        .filter(({ field }) => field === 'data.error.stackTrace')
        .map((item) => item.level)
      expect(levels ?? []).toEqual(level ? [level] : [])
    }
    await reader.close()
  },
)
