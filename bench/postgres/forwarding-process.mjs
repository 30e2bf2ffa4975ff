// A process that records in a local log, and forwards it or not.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { forwardAuditLog } from '../../dist/forward/index.js'
import { openAuditLog } from '../../dist/index.js'
import { memoryStore } from '../../dist/store/memory/index.js'
import { postgresStore } from '../../dist/store/postgres/index.js'
import { Events } from '../events.mjs'

const { to, connectionString, logId, entryBytes } = JSON.parse(process.argv[2])
const STORES = {
  none: () => undefined,
  memory: () => memoryStore(),
  postgres: () => postgresStore({ connectionString, logId, writer: 'forwarder' }),
}
const directory = await mkdtemp(join(tmpdir(), 'spanledger-bench-forward-'))
const events = new Events(entryBytes)
const log = await openAuditLog(directory)
const store = STORES[to]()
const forwarder = store && forwardAuditLog(log, store)
process.send({ ready: true })

process.on('message', async (message) => {
  if (message !== 'close') {
    process.send(await round(message))
    return
  }
  await forwarder?.close()
  await log.close()
  await rm(directory, { recursive: true, force: true })
  process.disconnect()
})

/** Ticks of events, of which the last is awaited. It ends when the other log has them all, so that no other side pays. */
async function round({ ticks, eventsPerTick, everyMillis }) {
  const recordMillis = []
  const appendMillis = []
  for (let tick = 0; tick < ticks; tick++) {
    const taken = events.take(eventsPerTick)
    const last = taken.pop()
    const began = performance.now()
    for (const event of taken) {
      const before = performance.now()
      log.record(event)
      recordMillis.push(performance.now() - before)
    }
    const before = performance.now()
    await log.append(last)
    appendMillis.push(performance.now() - before)
    await sleep(began + everyMillis - performance.now())
  }
  await log.flush()
  await forwarder?.flush()
  return { recordMillis, appendMillis }
}

function sleep(millis) {
  return new Promise((resolve) => (millis > 0 ? setTimeout(resolve, millis) : setImmediate(resolve)))
}
