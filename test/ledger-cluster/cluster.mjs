import cluster from 'node:cluster'
import { once } from 'node:events'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { NodeSDK } from '@opentelemetry/sdk-node'

// A cluster whose primary and workers have the same set-up: node cluster.mjs <compiled sources> <ledger> <workers>

const [dist = '', location = '', workers = '0'] = process.argv.slice(2)
/** @type {typeof import('../../src/index.js')} */
const { AuditSpanProcessor, withRun } = await import(pathToFileURL(join(dist, 'index.js')).href)

const audit = new AuditSpanProcessor({ location })
const sdk = new NodeSDK({ spanProcessors: [audit], instrumentations: [] })
sdk.start()
await audit.ready
const name = cluster.isPrimary ? 'primary' : `worker-${cluster.worker?.id}`
await withRun({ agentName: name }, async () => {})
if (cluster.isPrimary) {
  const started = Array.from({ length: Number(workers) }, () => cluster.fork())
  // All of them write at the same time, and none ends before all have begun.
  await Promise.all(started.map((worker) => once(worker, 'message')))
  const ended = started.map((worker) => once(worker, 'exit'))
  for (const worker of started) worker.send('end')
  const codes = (await Promise.all(ended)).map(([code]) => code)
  await sdk.shutdown()
  process.exitCode = codes.every((code) => code === 0) ? 0 : 1
} else {
  process.send?.('recorded')
  await once(process, 'message')
  await sdk.shutdown()
  cluster.worker?.disconnect()
}
