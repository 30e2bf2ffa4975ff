import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openAuditLogReader } from '../../src/index.js'
import { sharedBuild } from '../support/build.js'

const dist = await sharedBuild()
let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'spanledger-sampling-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

interface Served {
  readonly exported: number
  readonly serverSpanRecords: readonly string[]
}

function serve(requests: number, headers: readonly string[], env: Readonly<Record<string, string>> = {}): Served {
  const modules = `${pathToFileURL(dist).href}/`
  const args = [join(import.meta.dirname, 'http-service.mjs'), modules, directory, String(requests), ...headers]
  const output = execFileSync(process.execPath, args, { env: { ...process.env, ...env }, encoding: 'utf8' })
  return JSON.parse(output.trim().split('\n').at(-1) ?? '') as Served
}

async function recorded(): Promise<{ readonly runs: number; readonly tools: number; readonly traces: Set<unknown> }> {
  await using reader = await openAuditLogReader(directory)
  const traces = new Set<unknown>()
  for await (const event of reader.events({ type: 'run_started' })) traces.add(event.trace?.traceId)
  const runs = await reader.events({ type: 'run_completed' }).count()
  return { runs, tools: await reader.events({ type: 'tool_call_completed' }).count(), traces }
}

test('a request whose traceparent says that it is not sampled leaves its run and its tool', async () => {
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
  const served = serve(1, [`traceparent: 00-${traceId}-00f067aa0ba902b7-00`])
  expect(served).toEqual({ exported: 0, serverSpanRecords: ['false'] })
  expect(await recorded()).toEqual({ runs: 1, tools: 1, traces: new Set([traceId]) })
})

test('a sampler that is always off leaves every run', async () => {
  const served = serve(3, [], { OTEL_TRACES_SAMPLER: 'always_off' })
  expect(served.exported).toBe(0)
  expect(await recorded()).toMatchObject({ runs: 3, tools: 3 })
})

test('a ratio of one per cent leaves every run', async () => {
  const served = serve(40, [], { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.01' })
  expect(served.exported).toBeLessThan(30)
  expect(await recorded()).toMatchObject({ runs: 40, tools: 40 })
})

test('a request that is sampled is exported, and recorded once', async () => {
  const served = serve(1, ['traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'])
  expect(served).toEqual({ exported: 3, serverSpanRecords: ['true'] })
  expect(await recorded()).toMatchObject({ runs: 1, tools: 1 })
})

test('baggage and a tracestate of the caller name nobody', async () => {
  serve(1, [
    'traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00',
    'tracestate: spanledger=tenant:victim',
    'baggage: spanledger.tenant.id=victim,spanledger.user.id=admin,spanledger.session.id=s-1',
  ])
  await using reader = await openAuditLogReader(directory)
  const { value: run } = await reader.events({ type: 'run_started' })[Symbol.asyncIterator]().next()
  expect(run).toMatchObject({ tenantId: 'default' })
  expect(run?.actor).toBeUndefined()
  expect(run?.sessionId).not.toBe('s-1')
})
