// An application of one kind: node process.mjs <compiled sources> <kind> <directory>. It tells its parent what it has come to.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { context, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { AlwaysOffSampler, TracerProvider } from '@opentelemetry/sdk-trace'

const [dist = '', kind = '', location = ''] = process.argv.slice(2)
/** @param {string} file */
const load = (file) => import(pathToFileURL(join(dist, file)).href)
const { AuditSpanProcessor } = await load('otel/processor.js')
const { openAuditLog } = await load('audit-log/index.js')
const { memoryStore } = await load('store/memory/index.js')
const { recordCustom, withAuditing, withRun } = await load('record/index.js')

/** @param {unknown} said */
const tell = (said) => process.stdout.write(`${JSON.stringify(said)}\n`)
const openLog = () => openAuditLog({ store: memoryStore() })

/** @param {any[]} spanProcessors */
const nodeSdk = async (spanProcessors) => {
  const { NodeSDK } = await import('@opentelemetry/sdk-node')
  const sdk = new NodeSDK({ spanProcessors, autoDetectResources: false })
  sdk.start()
  return sdk
}
/** @param {any[]} spanProcessors */
const register = (spanProcessors) => trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors }))
const keepContexts = () => context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())

/** @type {Record<string, () => Promise<void>>} */
const kinds = {
  async ordinary() {
    const audit = new AuditSpanProcessor({ location })
    const sdk = await nodeSdk([audit])
    await withRun({ agentName: 'a' }, async () => recordCustom('note'))
    tell(audit.health())
    await sdk.shutdown()
  },
  /** Ends before anything has happened. */
  async short() {
    const sdk = await nodeSdk([new AuditSpanProcessor({ log: await openLog() })])
    await sdk.shutdown()
  },
  /** Ends without a shutdown. */
  async unfinished() {
    const audit = new AuditSpanProcessor({ log: await openLog() })
    await nodeSdk([audit])
    withRun({ agentName: 'a' }, () => {})
    tell(audit.health())
  },
  async attachedLater() {
    const audit = new AuditSpanProcessor()
    await nodeSdk([audit])
    trace.getTracer('app').startSpan('before').end()
    audit.attach(await openLog())
    withRun({ agentName: 'a' }, () => {})
    tell(audit.health())
  },
  /** Records by hand, and needs no SDK for that. */
  async byHand() {
    const audit = new AuditSpanProcessor({ log: await openLog() })
    withRun({ agentName: 'a' }, () => recordCustom('note'))
    tell(audit.health())
    await audit.shutdown()
  },
  /** Has a processor, as an application under test may, and neither a provider nor an agent. */
  async nowhere() {
    const audit = new AuditSpanProcessor({ log: await openLog() })
    tell(audit.health())
  },
  /** The global provider is somebody else's. */
  async foreign() {
    const audit = new AuditSpanProcessor({ log: await openLog() })
    register([])
    keepContexts()
    withRun({ agentName: 'a' }, () => {})
    tell(audit.health())
  },
  /** An exporter makes its own requests where tracing is suppressed, with an instrumentation of no known transport. */
  async exporting() {
    const audit = new AuditSpanProcessor({ log: await openLog() })
    await nodeSdk([audit])
    const suppressed = context.active().setValue(Symbol.for('OpenTelemetry SDK Context Key SUPPRESS_TRACING'), true)
    context.with(suppressed, () => trace.getTracer('app').startSpan('export').end())
    withRun({ agentName: 'a' }, () => {})
    tell(audit.health())
  },
  async sampledAway() {
    const audit = new AuditSpanProcessor({ log: await openLog() })
    trace.setGlobalTracerProvider(new TracerProvider({ sampler: new AlwaysOffSampler() }))
    keepContexts()
    withRun({ agentName: 'a' }, () => {})
    tell(audit.health())
  },
  /** Keeps a run off the record, then has one on it. */
  async withheld() {
    const audit = new AuditSpanProcessor({ log: await openLog() })
    register([])
    keepContexts()
    withAuditing(false, () => withRun({ agentName: 'a' }, () => recordCustom('note')))
    withRun({ agentName: 'a' }, () => {})
    tell(audit.health())
  },
  /** A provider is in use that is not global, and does not have the processor. */
  async beside() {
    const log = await openLog()
    const audit = new AuditSpanProcessor({ log })
    keepContexts()
    const span = new TracerProvider().getTracer('x').startSpan('x')
    context.with(trace.setSpan(context.active(), span), () => recordCustom('note'))
    tell(audit.health())
    await audit.shutdown()
    tell(await log.events({ type: 'auditing_impaired' }).toArray())
  },
  async unattached() {
    const audit = new AuditSpanProcessor()
    register([audit])
    keepContexts()
    withRun({ agentName: 'a' }, () => {})
    tell(audit.health())
  },
  async unlinked() {
    const audit = new AuditSpanProcessor({ log: await openLog() })
    register([audit])
    withRun({ agentName: 'a' }, () => {})
    tell(audit.health())
  },
  async switchedOff() {
    process.env.SPANLEDGER_ENABLED = 'false'
    const audit = new AuditSpanProcessor({ log: await openLog() })
    register([audit])
    keepContexts()
    withRun({ agentName: 'a' }, () => {})
    tell(audit.health())
  },
  /** Lives until its parent says how it shall end. */
  async living() {
    const audit = new AuditSpanProcessor({ location })
    const sdk = await nodeSdk([audit])
    await audit.ready
    withRun({ agentName: 'a' }, () => {})
    tell({ pid: process.pid })
    await new Promise((resolve) => process.stdin.once('data', resolve))
    process.stdin.unref()
    await sdk.shutdown()
  },
}

await kinds[kind]?.()
