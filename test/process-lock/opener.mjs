import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parentPort, workerData } from 'node:worker_threads'

// Opens and closes a log as it is told, in a process or a thread of its own, and says what came of it:
// node opener.mjs <compiled sources> <directory>

const [dist = '', directory = ''] = parentPort ? workerData : process.argv.slice(2)
const { openAuditLog } = await import(pathToFileURL(join(dist, 'index.js')).href)
/** @type {import('../../src/index.js').AuditLog | undefined} */
let log

/** @param {'open' | 'close'} act */
async function outcomeOf(act) {
  try {
    if (act === 'close') await log?.close()
    else log = await openAuditLog(directory)
    return act
  } catch (problem) {
    const { code, message } = /** @type {NodeJS.ErrnoException} */ (problem)
    return `${code} ${message}`
  }
}

/** @param {string} text */
function say(text) {
  if (parentPort) parentPort.postMessage(text)
  else process.send?.(text)
}

const told = parentPort ?? process
told.on('message', async (act) => say(await outcomeOf(act)))
say('ready')
