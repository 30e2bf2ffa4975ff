// Records events and dies in the same turn, so that only the journal has the last of them: node dying-writer.mjs DIST DIR
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const [, , dist = '', directory = ''] = process.argv
const { openAuditLog } = await import(pathToFileURL(join(dist, 'index.js')).href)
const log = await openAuditLog(directory)
for (let n = 0; n < 100; n++) log.record({ type: 'custom', data: { name: `committed ${n}` } })
await log.flush()
for (let n = 0; n < 100; n++) log.record({ type: 'custom', data: { name: `journaled ${n}` } })
process.kill(process.pid, 'SIGKILL')
