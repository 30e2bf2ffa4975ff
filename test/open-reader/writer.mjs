// Writes to the log in a directory as fast as it can: node writer.mjs <compiled sources> <directory>
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const [dist = '', directory = ''] = process.argv.slice(2)
const { openAuditLog } = await import(pathToFileURL(join(dist, 'index.js')).href)
const log = await openAuditLog(directory)
process.send?.('open')
for (let n = 0; ; n++) {
  const runId = `r-${n}`
  log.record({ type: 'run_started', runId, sessionId: `s-${n % 7}`, data: { agent: { name: 'writer' } } })
  log.record({ type: 'custom', runId, sessionId: `s-${n % 7}`, data: { name: 'note', n, filler: `${n} `.repeat(200) } })
  if (n % 100 === 99) await log.flush()
}
