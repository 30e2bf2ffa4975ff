import { context, propagation, ROOT_CONTEXT, type Span, trace } from '@opentelemetry/api'
import { describe, expect, onTestFinished, test } from 'vitest'
import { nextTurn, startAuditedSdk, startRecordingSdk } from '../../test/support/audited-sdk.js'
import { CollectingLog } from '../../test/support/collecting-log.js'
import { withAuditing } from '../record/context.js'
import { recordAgentHandoff, recordRunFailed, recordTokenUsageUpdated } from '../record/record.js'
import { withRun } from '../record/run.js'
import { AuditSpanProcessor } from './processor.js'

const AGENT = { attributes: { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'planner' } }
const under = (span: Span) => trace.setSpan(context.active(), span)

describe('spans that the application treats badly', () => {
  test('work that starts itself anew in the context of a span that has ended leaves no chain behind', async () => {
    const { tracer, log } = startRecordingSdk()
    let within = ROOT_CONTEXT
    for (let n = 0; n < 20_000; n++) {
      const span = tracer.startSpan('poll', {}, within)
      span.end()
      within = trace.setSpan(ROOT_CONTEXT, span)
    }
    tracer.startSpan('agent', AGENT, within).end()
    const late = tracer.startSpan('late', {}, within)
    late.setAttributes(AGENT.attributes)
    await nextTurn()
    late.end()
    expect(log.of('run_completed')).toHaveLength(2)
  })

  test('runs in such a chain are recorded however long it gets', () => {
    const { tracer, log } = startRecordingSdk()
    let within = ROOT_CONTEXT
    for (let n = 0; n < 3_000; n++) {
      const span = tracer.startSpan('agent', AGENT, within)
      span.end()
      within = trace.setSpan(ROOT_CONTEXT, span)
    }
    expect(log.of('run_completed')).toHaveLength(3_000)
  })

  test('a name that is no text ends neither the process nor the look at the spans beside it', async () => {
    const { tracer, log } = startRecordingSdk()
    tracer.startSpan('x').updateName(undefined as never)
    const span = tracer.startSpan('agent')
    span.setAttributes(AGENT.attributes)
    await nextTurn()
    expect(log.types).toEqual(['run_started'])
  })

  test('an object that inherits from a span can be given events', () => {
    const { tracer, log } = startRecordingSdk()
    const heir = Object.create(tracer.startSpan('x')) as Span
    heir.addEvent('spanledger.agent_handoff', { 'spanledger.to': 'writer' })
    expect(log.of('agent_handoff')).toHaveLength(1)
  })
})

describe('attaching in the middle of a run', () => {
  test('what is recorded afterwards is in the run, once, whether a child has started or not', () => {
    const { audit, tracer } = startAuditedSdk()
    const log = new CollectingLog()
    withRun({ agentName: 'planner' }, () => {
      recordAgentHandoff({ to: 'before' }, { time: [1_700_000_000, 0] })
      audit.attach(log)
      recordTokenUsageUpdated({ inputTokens: 500, outputTokens: 5 })
      tracer.startSpan('http', {}, context.active()).end()
      recordAgentHandoff({ to: 'after' })
    })
    expect(log.types).toEqual(['token_usage_updated', 'agent_handoff', 'run_completed'])
    expect(log.of('agent_handoff')[0]).toMatchObject({
      data: { to: 'after' },
      runId: log.of('run_completed')[0]?.runId,
    })
    expect(log.of('run_completed')[0]?.data.usage?.inputTokens).toBe(500)
  })
})

describe('where auditing is off', () => {
  test('a child that is audited does not bring its parent in', () => {
    const { tracer, log } = startRecordingSdk()
    withAuditing(false, () => {
      const parent = tracer.startSpan('parent', AGENT)
      context.with(under(parent), () => withAuditing(true, () => tracer.startSpan('child').end()))
      parent.end()
    })
    expect(log.types).toEqual([])
  })

  test('a span that began before an attach stays silent', () => {
    const { audit, tracer } = startAuditedSdk()
    const log = new CollectingLog()
    const quiet = withAuditing(false, () => tracer.startSpan('quiet', AGENT))
    audit.setEnabled(false)
    const disabled = tracer.startSpan('disabled', AGENT)
    audit.attach(log)
    audit.setEnabled(true)
    quiet.end()
    disabled.end()
    expect(log.types).toEqual(['custom'])
  })
})

describe('ids that come twice', () => {
  test('a run that no span carries has one terminal event, also when told by hand and by the wrapper', () => {
    const log = new CollectingLog()
    const audit = new AuditSpanProcessor({ log })
    onTestFinished(() => audit.shutdown())
    withRun({ agentName: 'planner', runId: 'r-1' }, () => recordRunFailed(new Error('x')))
    withRun({ agentName: 'planner', runId: 'r-1' }, () => {})
    expect(log.types).toEqual(['run_started', 'run_failed', 'run_started', 'run_completed'])
  })

  test('two runs under one id both end', async () => {
    const { audit, tracer, log } = startRecordingSdk()
    const attributes = { ...AGENT.attributes, 'spanledger.run.id': 'r' }
    const [first] = [tracer.startSpan('a', { attributes }), tracer.startSpan('b', { attributes })]
    first?.end()
    await audit.shutdown()
    expect(log.types).toEqual(['run_started', 'run_started', 'run_completed', 'run_interrupted'])
  })

  test('a span id that comes in from outside finds no run of another trace', () => {
    const { tracer, log } = startRecordingSdk()
    const local = tracer.startSpan('agent', { attributes: { ...AGENT.attributes, 'spanledger.tenant.id': 'acme' } })
    const { spanId } = local.spanContext()
    const forged = trace.setSpanContext(ROOT_CONTEXT, {
      traceId: 'f'.repeat(32),
      spanId,
      traceFlags: 1,
      isRemote: true,
    })
    tracer.startSpan('agent', AGENT, forged)
    expect(log.types).toEqual(['run_started', 'run_started'])
    expect(log.of('run_started')[1]).toMatchObject({ tenantId: undefined, parentRunId: undefined })
  })

  test('an attachment without an id takes one that is free', () => {
    const { audit } = startAuditedSdk()
    audit.attach(new CollectingLog(), { id: 'attachment-1' })
    expect(audit.attach(new CollectingLog()).id).toBe('attachment-2')
  })
})

test('a run recorded by hand that ends while nothing is attached is not given up later', async () => {
  const { audit } = startAuditedSdk()
  const log = new CollectingLog()
  const attachment = audit.attach(log)
  trace.disable()
  let finish = () => {}
  const run = withRun({ agentName: 'planner' }, () => new Promise<void>((resolve) => (finish = resolve)))
  await attachment.detach()
  finish()
  await run
  audit.attach(log)
  await audit.shutdown()
  expect(log.types).toEqual(['run_started'])
  propagation.disable()
})
