// Records to the log in a directory, and tells what it has recorded: node writer.mjs <compiled sources> <directory> <first>
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const [dist = '', directory = '', first = '0'] = process.argv.slice(2)
const { openAuditLog } = await import(pathToFileURL(join(dist, 'index.js')).href)
const log = await openAuditLog(directory)
for (let n = Number(first); ; n++) {
  log.record({ type: 'custom', data: { name: `${n}` } })
  // What a write to a pipe returns from, the parent gets, whatever becomes of this process.
  process.stdout.write(`${n}\n`)
  if (n % 50 === 49) await log.flush()
  else if (n % 10 === 9) await new Promise((resolve) => setImmediate(resolve))
}
