import { createServer, type IncomingHttpHeaders, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { context, propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api'
import { NodeSDK } from '@opentelemetry/sdk-node'
import { afterEach, describe, expect, test } from 'vitest'
import type { AuditSpanProcessorOptions } from '../../src/otel/options.js'
import { AuditSpanProcessor } from '../../src/otel/processor.js'
import { withRun } from '../../src/record/run.js'
import { withScope } from '../../src/record/scope.js'
import { CollectingLog } from '../support/collecting-log.js'

const BAGGAGE = 'spanledger.tenant.id=evil,spanledger.session.id=stolen,spanledger.user.id=mallory'
const CLAIMED = { tenantId: 'evil', sessionId: 'stolen', userId: 'mallory' }

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

/** A service as the README describes one: an SDK with its propagators, and an agent behind an HTTP server. */
async function startService(options: AuditSpanProcessorOptions = {}) {
  const log = new CollectingLog()
  const audit = new AuditSpanProcessor(options)
  audit.attach(log, { tenantId: 'of-the-attachment' })
  const sdk = new NodeSDK({ spanProcessors: [audit], instrumentations: [], autoDetectResources: false })
  sdk.start()
  stops.push(() => sdk.shutdown())
  stops.push(async () => {
    trace.disable()
    context.disable()
    propagation.disable()
  })
  const url = await listen((headers) => {
    const within = propagation.extract(ROOT_CONTEXT, headers)
    const server = trace.getTracer('http').startSpan('POST /agent', { kind: 1 }, within)
    context.with(trace.setSpan(within, server), () => withRun({ agentName: 'answerer' }, () => {}))
    server.end()
  })
  return { log, url }
}

async function listen(answer: (headers: IncomingHttpHeaders) => void | Promise<void>): Promise<string> {
  const server: Server = createServer(async ({ headers }, response) => {
    await answer(headers)
    response.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stops.push(() => new Promise((resolve) => server.close(() => resolve())))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

async function call(url: string, headers: Record<string, string> = {}): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const sent = request(url, { method: 'POST', headers, agent: false }, (response) => {
      response.resume()
      response.on('end', resolve)
    })
    sent.on('error', reject)
    sent.end()
  })
}

/** Returns the headers that the active context adds to a request. */
function injected(): Record<string, string> {
  const headers: Record<string, string> = {}
  propagation.inject(context.active(), headers)
  return headers
}

describe('a third party that is called by a run, and calls back', () => {
  test.each([false, true])('gets into neither tenant, session nor run (with baggage: %s)', async (withBaggage) => {
    const { log, url } = await startService()
    const thirdParty = await listen(({ traceparent }) =>
      call(url, { traceparent: String(traceparent), ...(withBaggage && { baggage: BAGGAGE }) }),
    )
    const ours = { agentName: 'planner', runId: 'r-1', tenantId: 'acme', sessionId: 'ours', userId: 'alice' }
    await withRun(ours, () => call(thirdParty, injected()))
    const theirs = log.events.filter(({ agent }) => agent?.name === 'answerer')
    expect(theirs.map(({ type }) => type)).toEqual(['run_started', 'run_completed'])
    for (const event of theirs) {
      expect(event).toMatchObject({ tenantId: 'of-the-attachment', actor: undefined, parentRunId: 'r-1' })
      expect(event.claimed).toEqual({ ...(withBaggage && CLAIMED), parentRunId: 'r-1' })
      expect(['ours', 'stolen', event.trace?.traceId]).not.toContain(event.sessionId)
    }
    expect(log.of('sub_agent_invoked')).toEqual([])
  })

  test('is what it says where remote parents are trusted', async () => {
    const { log, url } = await startService({ trustRemoteParents: true })
    const thirdParty = await listen(({ traceparent }) => call(url, { traceparent: String(traceparent) }))
    const ours = { agentName: 'planner', runId: 'r-1', tenantId: 'acme', sessionId: 'ours' }
    await withRun(ours, () => call(thirdParty, injected()))
    const [, started] = log.of('run_started')
    expect(started).toMatchObject({ tenantId: 'acme', sessionId: 'ours', parentRunId: 'r-1', claimed: undefined })
  })
})

test("the baggage of a caller counts for nothing, and of one's own service where it is trusted", async () => {
  const { log, url } = await startService()
  await call(url, { baggage: BAGGAGE })
  await withScope({ tenantId: 'acme' }, () => call(url, injected()), { propagate: true })
  expect(log.of('run_started').map(({ tenantId, claimed }) => [tenantId, claimed])).toEqual([
    ['of-the-attachment', CLAIMED],
    ['of-the-attachment', { tenantId: 'acme' }],
  ])
})

test('trusted baggage outweighs the tenant of the attachment', async () => {
  const { log, url } = await startService({ trustBaggage: true })
  await call(url, { baggage: BAGGAGE })
  expect(log.of('run_started')[0]).toMatchObject({ tenantId: 'evil', sessionId: 'stolen', claimed: undefined })
})

test('requests with the header of somebody else stay apart', async () => {
  const { log, url } = await startService()
  const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
  await call(url, { traceparent })
  await call(url, { traceparent })
  const sessions = log.of('run_started').map(({ sessionId }) => sessionId)
  expect(new Set(sessions).size).toBe(2)
})
