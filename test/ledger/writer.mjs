import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parentPort, workerData } from 'node:worker_threads'

// Opens a log of a ledger, in a process or a thread of its own, and does as it is told:
// node writer.mjs <compiled sources> <ledger>

const [dist = '', location = ''] = parentPort ? workerData : process.argv.slice(2)
/** @type {typeof import('../../src/index.js')} */
const { openAuditLog } = await import(pathToFileURL(join(dist, 'index.js')).href)
/** @type {import('../../src/index.js').AuditLog | undefined} */
let log
/** @type {string[]} */
const problems = []
let isFlooding = false

/** @type {Record<string, (text: string) => unknown>} */
const acts = {
  async open() {
    log = await openAuditLog(location, { shared: true, on: { problem: ({ message }) => problems.push(message) } })
    return { log: log.ledger?.log, unclean: log.recovery.unclean, problems }
  },
  async append(name) {
    await log?.append({ type: 'custom', data: { name } })
    return { appended: name }
  },
  async begin(runId) {
    log?.record({ type: 'run_started', runId, data: { agent: { name: 'planner' } } })
    return { begun: runId }
  },
  /** Appends events until the process is killed, and tells of each that is stored. */
  async flood(prefix) {
    isFlooding = true
    for (let count = 0; isFlooding; count++) {
      await log?.append({ type: 'custom', data: { name: `${prefix}-${count}` } })
      say({ appended: `${prefix}-${count}` })
    }
    return undefined
  },
  async close() {
    isFlooding = false
    await log?.close()
    return { closed: true }
  },
}

/** @param {unknown} answer */
function say(answer) {
  if (parentPort) parentPort.postMessage(answer)
  else process.send?.(answer)
}

const told = parentPort ?? process
told.on('message', async ([act, text]) => {
  try {
    const answer = await acts[act]?.(text)
    if (answer) say(answer)
  } catch (problem) {
    const { code, message } = /** @type {NodeJS.ErrnoException} */ (problem)
    say({ code, message })
  }
})
say({ ready: true })
