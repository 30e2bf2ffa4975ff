import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startAuditedSdk } from '../../test/support/audited-sdk.js'
import { CollectingLog } from '../../test/support/collecting-log.js'
import { heardWarnings } from '../../test/support/warnings.js'
import { openAuditLog } from '../audit-log/index.js'
import { memoryStore } from '../store/memory/index.js'
import { Attachments } from './attachments.js'
import { AuditSpanProcessor } from './processor.js'

const AGENT = { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'planner' }

function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'spanledger-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

describe('a filter', () => {
  test('cannot change what is recorded, here or elsewhere', () => {
    const { audit, tracer } = startAuditedSdk()
    const [filtered, other] = [new CollectingLog(), new CollectingLog()]
    audit.attach(filtered, {
      filter: (event) => {
        Object.assign(event, { tenantId: 'evil', runId: 'evil' })
        Object.assign(event.data, { agent: { name: 'evil' } })
        if (event.source) Object.assign(event.source, { convention: 'evil' })
        return true
      },
    })
    audit.attach(other)
    tracer.startSpan('invoke_agent planner', { attributes: AGENT }).end()
    for (const log of [filtered, other]) {
      expect(log.types).toEqual(['run_started', 'run_completed'])
      expect(JSON.stringify(log.events)).not.toContain('evil')
    }
  })

  test('sees the whole event', () => {
    const { audit, tracer } = startAuditedSdk()
    const seen: unknown[] = []
    const log = new CollectingLog()
    audit.attach(log, { tenantId: 'acme', filter: (event) => seen.push(event) > 0 })
    tracer.startSpan('invoke_agent planner', { attributes: AGENT }).end()
    expect(seen).toMatchObject([
      { type: 'run_started', tenantId: 'acme', agent: { name: 'planner' }, data: { agent: { name: 'planner' } } },
      { type: 'run_completed' },
    ])
  })
})

test('the statement of whose a run is names the tenant of the attachment as that of before', () => {
  const ignored = () => {}
  const log = new CollectingLog()
  const told = { openRuns: () => [], runsNow: () => [], onDetaching: ignored, onProblem: ignored, onChange: ignored }
  const attachments = new Attachments(told)
  attachments.attach(log, { tenantId: 'acme' })
  const statement = { type: 'run_identified', tenantId: 'globex', sessionId: 's', runId: 'r' } as const
  attachments.state({ ...statement, data: { previous: { sessionId: 't' } } })
  attachments.state({ ...statement, data: { previous: { tenantId: 'known' } } })
  expect(log.of('run_identified').map(({ data }) => data.previous)).toEqual([
    { tenantId: 'acme', sessionId: 't' },
    { tenantId: 'known' },
  ])
})

describe('attach', () => {
  test.each([
    [{ filtre: () => true }, "unknown option 'filtre'; did you mean 'filter'?"],
    [{ filter: 'run_failed' }, 'filter must be a function'],
    [{ id: '' }, 'id must be a text'],
    [{ tenantId: 7 }, 'tenantId must be a text'],
    [null, 'options must be an object'],
  ])('refuses %o', (options, message) => {
    const { audit } = startAuditedSdk()
    expect(() => audit.attach(new CollectingLog(), options as never)).toThrow(TypeError)
    expect(() => audit.attach(new CollectingLog(), options as never)).toThrow(message)
    expect(audit.attachments).toEqual([])
  })

  test('of the log that the processor opened itself is the same attachment', async () => {
    const audit = new AuditSpanProcessor({ location: join(temporaryDirectory(), 'audit') })
    const log = await audit.ready
    expect(log && audit.attach(log)).toBe(audit.attachments[0])
    await audit.shutdown()
  })

  test('of one log to two processors is warned of once, and of one after the other is not', async () => {
    const warnings = heardWarnings()
    const log = new CollectingLog()
    const processors = [new AuditSpanProcessor(), new AuditSpanProcessor(), new AuditSpanProcessor()] as const
    await processors[0].attach(log).detach()
    processors[1].attach(log)
    expect(warnings).toEqual([])
    processors[2].attach(log)
    processors[0].attach(log)
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain('What both see is recorded once')
    await Promise.all(processors.map((processor) => processor.shutdown()))
  })
})

describe('a closed log', () => {
  test('is not attached', async () => {
    const { audit } = startAuditedSdk()
    const log = await openAuditLog({ store: memoryStore() })
    const attachment = audit.attach(log)
    await attachment.detach()
    await log.close()
    expect(() => audit.attach(log)).toThrow(expect.objectContaining({ code: 'AUDIT_LOG_CLOSED' }))
    expect(() => new AuditSpanProcessor({ log })).toThrow(expect.objectContaining({ code: 'AUDIT_LOG_CLOSED' }))
  })

  test('that was closed while it was attached is warned of once, and counts what it misses', async () => {
    const warnings = heardWarnings()
    const { audit, tracer } = startAuditedSdk()
    const log = await openAuditLog({ store: memoryStore() })
    const attachment = audit.attach(log, { id: 'main' })
    await log.close()
    for (let n = 0; n < 2; n++) tracer.startSpan('invoke_agent planner', { attributes: AGENT }).end()
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain("was closed while it was attached ('main')")
    expect(log.counters().dropped.closed).toBe(4)
    await expect(attachment.detach()).rejects.toThrow(expect.objectContaining({ code: 'AUDIT_LOG_CLOSED' }))
  })

  test('knows of every open run what became of it: detached, or ended by the shutdown', async () => {
    const { audit, tracer } = startAuditedSdk()
    const location = join(temporaryDirectory(), 'audit')
    const first = await openAuditLog(location)
    const attachment = audit.attach(first)
    const span = tracer.startSpan('invoke_agent planner', { attributes: AGENT })
    await attachment.detach()
    await first.close()

    const second = await openAuditLog(location)
    audit.attach(second)
    const runId = `${span.spanContext().traceId}-${span.spanContext().spanId}`
    const [detached] = await second.events({ type: 'audit_detached' }).toArray()
    expect(detached?.data.openRuns).toMatchObject([{ runId }])
    await audit.shutdown()
    expect(await second.run(runId)).toMatchObject({ status: 'interrupted' })
    await second.close()
  })
})
