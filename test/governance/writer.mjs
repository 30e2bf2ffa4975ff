import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

// Records errors with messages, one a turn, and says each once it is recorded, until it is killed.
const [dist = '', directory = '', durability = '', first = '0'] = process.argv.slice(2)
const { openAuditLog } = await import(pathToFileURL(join(dist, 'index.js')).href)
const log = await openAuditLog(directory, { durability, on: { problem: () => {} } })
for (let n = Number(first); ; n++) {
  const message = `message ${n} ${'x'.repeat((n * 97) % 3000)}`
  log.record({
    type: 'error_occurred',
    actor: { id: `u-${n % 7}` },
    data: { operation: `${n}`, error: { code: 'E', message } },
  })
  process.stdout.write(`${n}\n`)
  if (n % 10 === 9) await log.flush()
  else await new Promise((resolve) => setImmediate(resolve))
}
