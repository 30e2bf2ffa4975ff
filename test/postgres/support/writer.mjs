// Appends numbered events, some with content, to a log in PostgreSQL, and says which of them are stored, until it has appended as many as
// it should: node writer.mjs <compiled sources> <connection string> <log id> <name> <first number> <count>
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const [dist = '', connectionString = '', logId = '', writer = '', first = '0', count = '0'] = process.argv.slice(2)
/** @param {string} file */
const load = (file) => import(pathToFileURL(join(dist, file)).href)
const { content, openAuditLog } = await load('index.js')
const { postgresStore } = await load('store/postgres/index.js')

// What waits for the next attempt does not keep a process alive.
const alive = setInterval(() => {}, 1000)
// While there is no server there is nothing to open.
let log
while (!log) {
  log = await openAuditLog({
    store: postgresStore({ connectionString, logId, writer }),
    on: { problem: () => {} },
  }).catch((/** @type {NodeJS.ErrnoException} */ problem) => {
    if (problem.code !== 'AUDIT_OPEN_FAILED') throw problem
  })
}
const end = Number(first) + Number(count)
log.record({ type: 'run_started', sessionId: writer, runId: `${writer}-${first}`, data: {} })
for (let n = Number(first); n < end; ) {
  // As many at once as a busy process has.
  const appends = []
  for (let batch = 0; batch < 1 + (n % 40) && n < end; batch++, n++) {
    // Most events have no content.
    const note = n % 3 === 0 ? { note: content(`note ${n} of ${writer}`) } : {}
    const event = { type: 'custom', sessionId: writer, data: { name: 'numbered', n, ...note } }
    appends.push(log.append(event).then((/** @type {{ seq: number }} */ { seq }) => [Number(event.data.n), seq]))
  }
  const stored = await Promise.all(appends)
  await new Promise((resolve) => process.send?.(stored, resolve))
}
await log.close()
clearInterval(alive)
process.disconnect?.()
