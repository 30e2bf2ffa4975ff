import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { context, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api'
import { NodeSDK } from '@opentelemetry/sdk-node'
import { TracerProvider } from '@opentelemetry/sdk-trace'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { CollectingLog } from '../../test/support/collecting-log.js'
import { heardWarnings } from '../../test/support/warnings.js'
import { openAuditLogReader } from '../reader/index.js'
import { recordAgentHandoff } from '../record/index.js'
import { AuditLogRecordProcessor } from './log-records.js'
import { AuditSpanProcessor } from './processor.js'

const AGENT = { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'planner' }
const TOOL = { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': 'search' }

/** An agent that calls a tool, hands over and fails. */
function runAgent(tracer: Tracer): void {
  tracer.startActiveSpan('invoke_agent planner', { attributes: AGENT }, (run) => {
    tracer.startSpan('execute_tool search', { attributes: TOOL }).end()
    recordAgentHandoff({ to: 'writer' })
    run.addEvent('spanledger.context_compacted', {})
    run.setStatus({ code: SpanStatusCode.ERROR, message: 'no answer' }).end()
  })
}

const ONCE = [
  'run_started',
  'tool_call_started',
  'tool_call_completed',
  'agent_handoff',
  'context_compacted',
  'run_failed',
]

function startSdk(...spanProcessors: AuditSpanProcessor[]): NodeSDK {
  const sdk = new NodeSDK({ spanProcessors, autoDetectResources: false })
  sdk.start()
  onTestFinished(async () => {
    await sdk.shutdown()
    trace.disable()
    context.disable()
  })
  return sdk
}

function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'spanledger-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

describe('the same processor', () => {
  test('that is registered twice records each span once, and warns once', () => {
    const warnings = heardWarnings()
    const log = new CollectingLog()
    const audit = new AuditSpanProcessor({ log })
    startSdk(audit, audit)
    for (let n = 0; n < 2; n++) runAgent(trace.getTracer('app'))
    expect(log.types).toEqual([...ONCE, ...ONCE])
    expect(warnings).toEqual([expect.stringContaining('is registered twice')])
  })

  test('that is registered twice counts a span once while auditing is off', async () => {
    const log = new CollectingLog()
    const audit = new AuditSpanProcessor({ log })
    audit.setEnabled(false)
    startSdk(audit, audit)
    trace.getTracer('app').startSpan('x').end()
    await audit.forceFlush()
    expect(log.of('auditing_suppressed').map(({ data }) => data.spans)).toEqual([1])
  })

  test('in two providers records what each of them tells', async () => {
    const log = new CollectingLog()
    const audit = new AuditSpanProcessor({ log })
    const providers = [1, 2].map(() => new TracerProvider({ spanProcessors: [audit] }))
    for (const provider of providers) provider.getTracer('app').startSpan('a', { attributes: AGENT }).end()
    for (const provider of providers) await provider.shutdown()
    expect(log.types).toEqual(['run_started', 'run_completed', 'run_started', 'run_completed'])
  })

  test('takes a log record once, however many processors bring it', () => {
    const log = new CollectingLog()
    const audit = new AuditSpanProcessor({ log })
    onTestFinished(() => audit.shutdown())
    const record = { eventName: 'spanledger.context_compacted', attributes: {} }
    for (let n = 0; n < 2; n++) new AuditLogRecordProcessor(audit).onEmit(record)
    expect(log.types).toEqual(['context_compacted'])
  })
})

describe('two processors with one log', () => {
  test('record what both see once, and warn once', () => {
    const warnings = heardWarnings()
    const log = new CollectingLog()
    startSdk(new AuditSpanProcessor({ log }), new AuditSpanProcessor({ log }))
    runAgent(trace.getTracer('app'))
    expect(log.types).toEqual(ONCE)
    expect(warnings).toEqual([expect.stringContaining('attached to another AuditSpanProcessor already')])
  })

  test('record what only one of them sees', async () => {
    const log = new CollectingLog()
    const providers = [1, 2].map(() => new TracerProvider({ spanProcessors: [new AuditSpanProcessor({ log })] }))
    for (const provider of providers) provider.getTracer('app').startSpan('a', { attributes: AGENT }).end()
    for (const provider of providers) await provider.shutdown()
    expect(log.types).toEqual(['run_started', 'run_completed', 'run_started', 'run_completed'])
  })

  test('record what is told where no span is once', () => {
    const log = new CollectingLog()
    startSdk(new AuditSpanProcessor({ log }), new AuditSpanProcessor({ log }))
    vi.useFakeTimers({ toFake: ['Date'] })
    onTestFinished(() => void vi.useRealTimers())
    recordAgentHandoff({ to: 'writer' })
    recordAgentHandoff({ to: 'reader' })
    expect(log.of('agent_handoff').map(({ data }) => data.to)).toEqual(['writer', 'reader'])
  })

  test('have each a log of its own besides, which gets everything', () => {
    const [both, own] = [new CollectingLog(), new CollectingLog()]
    const second = new AuditSpanProcessor({ log: both })
    second.attach(own)
    startSdk(new AuditSpanProcessor({ log: both }), second)
    runAgent(trace.getTracer('app'))
    expect([both.types, own.types]).toEqual([ONCE, ONCE])
  })

  test('go on where one of them is detached', async () => {
    const log = new CollectingLog()
    const [first, second] = [new AuditSpanProcessor(), new AuditSpanProcessor()]
    const attachment = first.attach(log)
    second.attach(log)
    startSdk(first, second)
    const run = trace.getTracer('app').startSpan('a', { attributes: AGENT })
    await attachment.detach()
    run.end()
    expect(log.types).toEqual(['run_started', 'run_completed'])
  })

  test('end a run once where one of them is shut down', async () => {
    const log = new CollectingLog()
    const [first, second] = [new AuditSpanProcessor({ log }), new AuditSpanProcessor({ log })]
    startSdk(first, second)
    const run = trace.getTracer('app').startSpan('a', { attributes: AGENT })
    await first.shutdown()
    run.end()
    expect(log.types).toEqual(['run_started', 'run_interrupted'])
  })
})

describe('setup code that runs twice', () => {
  /** The package, evaluated once more. */
  async function anotherCopy(): Promise<typeof AuditSpanProcessor> {
    vi.resetModules()
    return (await import('./processor.js')).AuditSpanProcessor
  }

  test('with a copy of the package each records what both see once', async () => {
    const log = new CollectingLog()
    const Copy = await anotherCopy()
    expect(Copy).not.toBe(AuditSpanProcessor)
    const copy = new Copy({ log })
    startSdk(new AuditSpanProcessor({ log }), copy as unknown as AuditSpanProcessor)
    runAgent(trace.getTracer('app'))
    expect(log.types).toEqual(ONCE)
  })

  test('shares the log of a location, and closes it with the last that uses it', async () => {
    const location = join(temporaryDirectory(), 'audit')
    const Copy = await anotherCopy()
    const first = new AuditSpanProcessor({ location })
    const second = new Copy({ location }) as unknown as AuditSpanProcessor
    expect(await second.ready).toBe(await first.ready)
    startSdk(first, second)
    runAgent(trace.getTracer('app'))
    await first.shutdown()
    runAgent(trace.getTracer('app'))
    await second.shutdown()
    const reader = await openAuditLogReader(location)
    const types = (await reader.events().toArray()).map(({ type }) => type)
    await reader.close()
    expect(types.filter((type) => ONCE.includes(type))).toEqual([...ONCE, ...ONCE])
  })

  test('keeps the log of a location open for one that comes while the other is shut down', async () => {
    const location = join(temporaryDirectory(), 'audit')
    const first = new AuditSpanProcessor({ location })
    const log = await first.ready
    const closing = first.shutdown()
    const second = new AuditSpanProcessor({ location })
    await closing
    expect(await second.ready).toBe(log)
    expect(log?.health().status).toBe('ok')
    await second.shutdown()
    expect(log?.health().status).toBe('closed')
  })

  test('opens the log of a location again after it was closed', async () => {
    const location = join(temporaryDirectory(), 'audit')
    for (let n = 0; n < 2; n++) {
      const audit = new AuditSpanProcessor({ location })
      expect((await audit.ready)?.health().status).toBe('ok')
      await audit.shutdown()
    }
  })

  test('opens the log of a location that could not be opened before', async () => {
    vi.spyOn(process, 'emitWarning').mockReturnValue(undefined)
    onTestFinished(() => void vi.restoreAllMocks())
    const location = join(temporaryDirectory(), 'audit')
    writeFileSync(location, 'no directory')
    const first = new AuditSpanProcessor({ location })
    await expect(first.ready).rejects.toThrow()
    rmSync(location)
    const second = new AuditSpanProcessor({ location })
    expect((await second.ready)?.health().status).toBe('ok')
    await second.shutdown()
    await first.shutdown().catch(() => {})
  })
})
