import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { openAuditLog } from 'spanledger'
import { startChild } from '../support/child.mjs'
import { contentsOf } from '../support/contents.mjs'

/** @typedef {import('../suite.mjs').Findings} Findings */
/** @typedef {import('../suite.mjs').Setting} Setting */

/** @param {string} directory @param {string} name */
async function openElsewhere(directory, name) {
  const child = startChild('open.mjs', [directory, name])
  await child.ended
  return child.said().join() || child.errors()
}

/** @param {string} directory @returns {Promise<unknown>} */
async function openInOtherThread(directory) {
  const worker = new Worker(
    `
    const { workerData, parentPort } = require('node:worker_threads')
    import(workerData.spanledger)
      .then(({ openAuditLog }) => openAuditLog(workerData.directory))
      .then(() => 'opened', ({ code }) => code)
      .then((outcome) => parentPort.postMessage(outcome))
    `,
    { eval: true, workerData: { directory, spanledger: import.meta.resolve('spanledger') } },
  )
  const [outcome] = await once(worker, 'message')
  await worker.terminate()
  return outcome
}

/** @param {readonly [what: string, is: unknown, shouldBe: unknown][]} checks */
const wrong = (checks) =>
  checks.flatMap(([what, is, shouldBe]) =>
    JSON.stringify(is) === JSON.stringify(shouldBe) ? [] : [`${what}: ${JSON.stringify(is)}`],
  )

/** @param {Setting} setting @returns {Promise<Findings>} */
async function twoWriters({ directory }) {
  const log = await openAuditLog(directory)
  await log.append({ type: 'custom', data: { name: 'w:0' } })
  const here = await openAuditLog(directory).then(
    () => 'opened',
    ({ code }) => code,
  )
  const thread = await openInOtherThread(directory)
  const there = await openElsewhere(directory, 'w:9')
  await log.append({ type: 'custom', data: { name: 'w:1' } })
  await log.close()
  const after = await openElsewhere(directory, 'w:2')
  const { events } = await contentsOf(directory)
  const problems = wrong([
    ['a second opening in the same process', here, 'AUDIT_LOG_LOCKED'],
    ['a second opening in another thread', thread, 'AUDIT_LOG_LOCKED'],
    ['a second opening in another process', there, 'AUDIT_LOG_LOCKED'],
    ['an opening after it was closed', after, 'appended'],
    ['what is there', events.map(({ name }) => name), ['w:0', 'w:1', 'w:2']],
  ])
  return { rounds: 4, faults: 3, acknowledged: 3, lost: 0, duplicated: 0, problems }
}

/** @param {Setting} setting @returns {Promise<Findings>} */
async function staleLock({ directory }) {
  const child = startChild('record.mjs', [directory, 1, 'r'])
  await child.until('ready')
  const during = await openElsewhere(directory, 'w:0')
  child.kill('SIGKILL')
  await child.ended
  const after = await openElsewhere(directory, 'w:1')
  const problems = wrong([
    ['an opening while the writer lives', during, 'AUDIT_LOG_LOCKED'],
    ['an opening after it died and left its lock', after, 'appended'],
  ])
  return { rounds: 1, faults: 1, acknowledged: 1, lost: 0, duplicated: 0, problems }
}

export const scenarios = { 'two writers': twoWriters, 'a writer that died and left its lock': staleLock }
