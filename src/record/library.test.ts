import { trace } from '@opentelemetry/api'
import { expect, onTestFinished, test } from 'vitest'
import { startRecordingSdk } from '../../test/support/audited-sdk.js'
import { CollectingLog } from '../../test/support/collecting-log.js'
import { AuditSpanProcessor } from '../otel/processor.js'
import { recordAgentHandoff, recordCustom, withRun } from './index.js'

const library = { name: 'my-lib', version: '1.2.0' }
const OF_LIBRARY = { convention: 'spanledger', scope: 'my-lib', scopeVersion: '1.2.0' }

test('events say which library recorded them, also inside the span of another', () => {
  const { log, tracer } = startRecordingSdk()
  tracer.startActiveSpan('invoke_agent a', { attributes: { 'gen_ai.operation.name': 'invoke_agent' } }, (span) => {
    recordAgentHandoff({ to: 'b' }, { library })
    recordAgentHandoff({ to: 'c' })
    span.end()
  })
  const [one, other] = log.of('agent_handoff')
  expect(one?.source).toMatchObject(OF_LIBRARY)
  expect(one?.altered).toBeUndefined()
  expect(other?.source).toMatchObject({ scope: 'test', scopeVersion: '1.0.0' })
})

test('a run is that of its library, whether a span carries it or not', () => {
  const { log } = startRecordingSdk()
  withRun({ agentName: 'a', library }, () => recordCustom('note', { spanledger: 1 }, { library }))
  expect(log.types).toEqual(['run_started', 'custom', 'run_completed'])
  for (const { source } of log.events.slice(1)) expect(source).toMatchObject({ scope: 'my-lib', scopeVersion: '1.2.0' })
  expect(log.of('custom')[0]?.data).toEqual({ name: 'note', spanledger: 1 })
})

test('a run without an SDK is that of its library', async () => {
  trace.disable()
  const log = new CollectingLog()
  const audit = new AuditSpanProcessor({ log })
  onTestFinished(() => audit.shutdown())
  withRun({ agentName: 'a', library }, () => withRun({ agentName: 'b', library }, () => recordCustom('note')))
  expect(log.of('run_started').map(({ source }) => source)).toEqual([OF_LIBRARY, OF_LIBRARY])
  expect(log.of('sub_agent_invoked')[0]?.source).toEqual(OF_LIBRARY)
  expect(log.of('custom')[0]?.source).toMatchObject({ scope: 'my-lib' })
})

test('a library without a name is none', () => {
  const { log } = startRecordingSdk()
  recordCustom('note', {}, { library: { name: '' } })
  recordCustom('note', {}, { library: 7 as never })
  expect(log.of('custom').map(({ source }) => source?.scope)).toEqual(['spanledger/record', 'spanledger/record'])
})
