import { Worker } from 'node:worker_threads'
import { given, say } from './say.mjs'

// A worker records until it is terminated, which is once it has said that it recorded enough.

const [directory, count] = given()
const worker = new Worker(
  `
  const { workerData, parentPort } = require('node:worker_threads')
  import(workerData.spanledger).then(async ({ openAuditLog }) => {
    const { say } = await import(workerData.say)
    const log = await openAuditLog(workerData.directory)
    for (let n = 0; ; n++) {
      log.record({ type: 'custom', data: { name: 'worker:' + n } })
      say('worker:' + n)
      if (n === workerData.count) parentPort.postMessage('enough')
      if (n % 10 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
  })
  `,
  {
    eval: true,
    workerData: {
      directory,
      count,
      spanledger: import.meta.resolve('spanledger'),
      say: import.meta.resolve('./say.mjs'),
    },
  },
)
worker.once('message', async () => {
  await worker.terminate()
  say('terminated')
})
