// Writes a log as a service does: node writer.mjs DIST DIR UMASK MODE GID EVENTS. Says `open`, then `closed` once it was asked to.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const [, , dist = '', directory = '', umask = '', mode = '', gid = '', events = ''] = process.argv
const { openAuditLog } = await import(pathToFileURL(join(dist, 'index.js')).href)
if (gid !== '') process.setgid?.(Number(gid))
process.umask(Number.parseInt(umask, 8))
const log = await openAuditLog(directory, mode === '' ? {} : { readableBy: 'group' })
const text = 'x'.repeat(8_000)
for (let n = 0; n < Number(events); n++) {
  log.record({ type: 'custom', data: { name: `event ${n}`, text: `${text}${Math.random()}` } })
  if (n % 250 === 0) await log.flush()
}
await log.flush()
await log.checkpoint()
process.send?.('open')
process.once('message', async () => {
  await log.close()
  process.send?.('closed')
  process.disconnect()
})
