import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { context, trace } from '@opentelemetry/api'
import { NodeSDK } from '@opentelemetry/sdk-node'
import { BatchSpanProcessor, type ReadableSpan, type SpanExporter } from '@opentelemetry/sdk-trace'
import { expect, onTestFinished, test, vi } from 'vitest'
import { AMPLE } from '../../test/support/ample.js'
import { openAuditLog } from '../audit-log/index.js'
import { AuditSpanProcessor } from './processor.js'

const AGENT = { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'planner' }

/** Exports as over a network: later than anything that only awaits a few promises. */
class SlowExporter implements SpanExporter {
  readonly exported: string[] = []

  export(spans: ReadableSpan[], done: (result: { code: number }) => void): void {
    let turns = 200
    const turn = () => {
      turns--
      if (turns > 0) return void setImmediate(turn)
      this.exported.push(...spans.map(({ name }) => name))
      done({ code: 0 })
    }
    turn()
  }

  async shutdown(): Promise<void> {}
}

function newLocation(): string {
  const path = mkdtempSync(join(tmpdir(), 'spanledger-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return join(path, 'audit')
}

function startSdk(audit: AuditSpanProcessor, exporter: SpanExporter): NodeSDK {
  const spanProcessors = [audit, new BatchSpanProcessor({ exporter })]
  const sdk = new NodeSDK({ spanProcessors, autoDetectResources: false })
  sdk.start()
  onTestFinished(() => {
    trace.disable()
    context.disable()
  })
  return sdk
}

/** Puts files in the places of log 0 and of the directory of further logs. @returns what takes them away */
function obstruct(location: string): () => void {
  const paths = ['entries', 'logs'].map((name) => join(location, name))
  mkdirSync(location, { recursive: true })
  for (const path of paths) writeFileSync(path, '')
  return () => {
    for (const path of paths) rmSync(path)
  }
}

function heardProcessWarnings(): string[] {
  const warnings: string[] = []
  vi.spyOn(process, 'emitWarning').mockImplementation((warning) => void warnings.push(String(warning)))
  onTestFinished(() => void vi.restoreAllMocks())
  return warnings
}

test('a log that cannot be opened keeps no other exporter from its last batch', async () => {
  const warnings = heardProcessWarnings()
  const location = newLocation()
  const free = obstruct(location)
  const audit = new AuditSpanProcessor({ location })
  const exporter = new SlowExporter()
  const sdk = startSdk(audit, exporter)
  trace.getTracer('app').startSpan('invoke_agent planner', { attributes: AGENT }).end()
  await expect(audit.ready).rejects.toMatchObject({ code: 'AUDIT_FILE_REFUSED' })
  await audit.forceFlush()
  await sdk.shutdown()
  expect(exporter.exported).toEqual(['invoke_agent planner'])
  expect(warnings).toEqual([expect.stringContaining('Nothing gets into the audit log')])
  free()
  const log = await openAuditLog(location)
  expect(await log.events({ type: ['run_started', 'run_completed'] }).count()).toBe(2)
  await log.close()
})

test('a log that is free later gets what happened before, and is attached', async () => {
  const warnings = heardProcessWarnings()
  const location = newLocation()
  const free = obstruct(location)
  const audit = new AuditSpanProcessor({ location })
  const sdk = startSdk(audit, new SlowExporter())
  trace.getTracer('app').startSpan('invoke_agent planner', { attributes: AGENT }).end()
  await expect(audit.ready).rejects.toMatchObject({ code: 'AUDIT_FILE_REFUSED' })
  free()
  await vi.waitUntil(() => warnings.some((warning) => warning.includes('is open now')), AMPLE)
  trace.getTracer('app').startSpan('invoke_agent writer', { attributes: AGENT }).end()
  await sdk.shutdown()
  const log = await openAuditLog(location)
  const types = (await log.events().toArray()).map(({ type }) => type)
  expect(types.filter((type) => type.startsWith('run_'))).toEqual([
    'run_started',
    'run_completed',
    'run_started',
    'run_completed',
  ])
  expect(await log.events({ type: 'audit_attached' }).count()).toBe(1)
  await log.close()
})
