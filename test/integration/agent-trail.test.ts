import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { context, trace } from '@opentelemetry/api'
import { NodeSDK } from '@opentelemetry/sdk-node'
import { AuditSpanProcessor, openAuditLog } from 'spanledger'
import { expect, onTestFinished, test } from 'vitest'

interface Request {
  readonly sessionId: string
  readonly userId: string
  readonly question?: string
}

type Agent = (request: Request) => Promise<unknown>

// The agents of the demo are JavaScript without declarations.
const demo = new URL('../../examples/demo/agents.mjs', import.meta.url).href
const { answerCustomer, answerWhileModelIsDown, summariseTickets } = (await import(demo)) as Record<string, Agent> & {
  answerCustomer: Agent
  answerWhileModelIsDown: Agent
  summariseTickets: Agent
}

/** A real SDK around the processor, registered until the test has finished. */
function startSdk(audit: AuditSpanProcessor): NodeSDK {
  const sdk = new NodeSDK({ serviceName: 'support-desk', spanProcessors: [audit], autoDetectResources: false })
  sdk.start()
  onTestFinished(() => {
    trace.disable()
    context.disable()
  })
  return sdk
}

async function newLocation(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'spanledger-trail-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  return join(directory, 'audit')
}

test('the runs of an agent framework are on record after the log is opened again', async () => {
  const location = await newLocation()
  const audit = new AuditSpanProcessor()
  const sdk = startSdk(audit)
  const log = await openAuditLog(location)
  const first = audit.attach(log, { id: 'first' })
  await answerCustomer({ sessionId: 's-1', userId: 'ada', question: 'Where is my order?' })
  await expect(answerWhileModelIsDown({ sessionId: 's-1', userId: 'ada' })).rejects.toThrow('Overloaded')
  await first.detach()
  await answerCustomer({ sessionId: 's-2', userId: 'bob', question: 'Is anybody there?' })
  audit.attach(log, { id: 'second' })
  await summariseTickets({ sessionId: 's-3', userId: 'carol' })
  await sdk.shutdown()
  await log.close()

  const reopened = await openAuditLog(location)
  onTestFinished(() => reopened.close())
  const runs = await reopened.runs().toArray()
  expect(runs.map(({ agent, status, sessionId }) => [agent?.name, status, sessionId])).toEqual([
    ['support-agent', 'completed', 's-1'],
    ['policy-researcher', 'completed', 's-1'],
    ['support-agent', 'failed', 's-1'],
    ['summary-agent', 'completed', 's-3'],
  ])
  const tree = await reopened.run(runs[0]?.runId ?? '')
  expect(tree?.toolCalls.map(({ name, status }) => [name, status])).toEqual([
    ['lookup_order', 'completed'],
    ['research', 'completed'],
  ])
  expect(tree?.subRuns.map(({ agent }) => agent?.name)).toEqual(['policy-researcher'])
  expect(tree?.usage).toMatchObject({ inputTokens: 760, outputTokens: 79 })
  expect(tree?.memoryRecalls[0]?.data).toMatchObject({ tier: 'long_term', hits: 3 })
  expect(runs[2]?.error).toEqual({ code: 'AI_APICallError', message: 'Overloaded' })
  expect(runs[3]?.counts).toMatchObject({ compactions: 1, limits: 1 })
  const summary = await reopened.run(runs[3]?.runId ?? '')
  expect(summary?.compactions).toHaveLength(1)
  expect(summary?.limits[0]?.data).toMatchObject({ axis: 'cost_usd', observed: 0.52 })

  const events = await reopened.events().toArray()
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index))
  // Nobody can guess the ids that the processor gives.
  expect(events.filter((event) => 'salt' in event)).toEqual([])
  expect(await reopened.events({ sessionId: 's-2' }).toArray()).toEqual([])
  expect(events.every(({ source, type }) => type.startsWith('audit_') || source.service === 'support-desk')).toBe(true)
})

test('with a location the log opens in the background, and nothing that happens meanwhile is lost', async () => {
  const audit = new AuditSpanProcessor({ location: await newLocation() })
  const sdk = startSdk(audit)
  await answerWhileModelIsDown({ sessionId: 's-1', userId: 'ada' }).catch(() => {})
  const log = await audit.ready
  await audit.forceFlush()
  const types = (await log?.events({ sessionId: 's-1' }).toArray())?.map(({ type }) => type)
  expect(types).toEqual(['run_started', 'error_occurred', 'run_failed'])
  await sdk.shutdown()
  await expect(log?.flush()).rejects.toMatchObject({ code: 'AUDIT_LOG_CLOSED' })
})

test('a log that cannot be opened says so, and the application goes on', async () => {
  const audit = new AuditSpanProcessor({ location: '/dev/null/audit' })
  const sdk = startSdk(audit)
  await answerWhileModelIsDown({ sessionId: 's-1', userId: 'ada' }).catch(() => {})
  await expect(audit.ready).rejects.toMatchObject({ code: 'AUDIT_OPEN_FAILED' })
  await answerWhileModelIsDown({ sessionId: 's-1', userId: 'ada' }).catch(() => {})
  expect(audit.attachments[0]?.log.counters().queuedEvents).toBeGreaterThan(6)
  expect(audit.attachments[0]?.log.health()).toMatchObject({ status: 'failing', journal: 'failing' })
  await audit.forceFlush()
  await sdk.shutdown()
})
