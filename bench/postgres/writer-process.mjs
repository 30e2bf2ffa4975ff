// A process that writes to a log of its own, or to one that it shares with others, when it is told to.
import { openAuditLog } from '../../dist/index.js'
import { postgresStore } from '../../dist/store/postgres/index.js'
import { Events } from '../events.mjs'
import { sideOf } from '../sides/audit-log.mjs'

const EVENTS_A_TICK = 64
const { connectionString, entryBytes, own, shared, n } = JSON.parse(process.argv[2])
const events = new Events(entryBytes)
const open = async (logId) =>
  sideOf(await openAuditLog({ store: postgresStore({ connectionString, logId, writer: `bench-${n}` }) }))
const sides = { own: await open(own), shared: await open(shared) }
process.send({ ready: true })

process.on('message', async (message) => {
  if (message === 'close') {
    for (const side of Object.values(sides)) await side.close()
    process.disconnect()
    return
  }
  process.send(await write(message))
})

/** @returns how many events it has made durable */
async function write({ log, millis, waits }) {
  const side = sides[log]
  const began = performance.now()
  let count = 0
  while (performance.now() - began < millis) {
    if (waits) {
      await side.append(events.next())
      count++
    } else {
      await side.put(events.take(EVENTS_A_TICK))
      count += EVENTS_A_TICK
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  await side.durable()
  return count
}
