// A log in a process of its own, for growth.mjs: grows it, or opens it, or dies with it open.
import { readFileSync } from 'node:fs'
import { importBaseline, openBaselineLog } from './baseline.mjs'
import { Events } from './events.mjs'
import { median } from './measure.mjs'

const EVENTS_PER_TICK = 256
const MAX_WAITING_BYTES = 8 * 2 ** 20

const {
  directory,
  entryBytes,
  options = {},
  grow = 0,
  skip = 0,
  die = 0,
  ofBaseline = false,
} = JSON.parse(process.argv[2])
// A process loads one version alone, since its memory is measured, and loads it before the time of opening.
const present = await (ofBaseline ? importBaseline('index.js') : import('../dist/index.js'))
const open = ofBaseline ? openBaselineLog : present.openAuditLog
const openedFrom = performance.now()
const log = await open(directory, options)
const openMillis = performance.now() - openedFrom
const { recovery } = log

const events = new Events(entryBytes)
for (let n = 0; n < skip; n++) events.next()
if (die) {
  // In one tick, so that the journal alone has them.
  for (let n = 0; n < die; n++) log.record(events.next())
  process.kill(process.pid, 'SIGKILL')
}
const heapBytes = []
let peakRss = process.memoryUsage().rss
let peakOwn = ownMemory()
const cpu = process.cpuUsage()
const began = performance.now()
for (let done = 0; done < grow; ) {
  const count = Math.min(EVENTS_PER_TICK, grow - done)
  for (let n = 0; n < count; n++) log.record(events.next())
  done += count
  if (log.counters().queuedBytes > MAX_WAITING_BYTES) await log.flush()
  else await new Promise((resolve) => setImmediate(resolve))
  if (done % (64 * EVENTS_PER_TICK) === 0) {
    const { rss, heapUsed } = process.memoryUsage()
    peakRss = Math.max(peakRss, rss)
    peakOwn = Math.max(peakOwn, ownMemory())
    heapBytes.push(heapUsed)
  }
}
await log.flush()
const millis = performance.now() - began
const { user, system } = process.cpuUsage(cpu)
const { committed, dropped } = log.counters()
const { size } = await log.head()
await log.close()
process.send({
  openMillis,
  replayed: recovery.recoveredEvents,
  size,
  millis,
  cpuMicros: user + system,
  committed,
  dropped,
  heapBytes: heapBytes.length > 0 ? median(heapBytes) : process.memoryUsage().heapUsed,
  peakRss: Math.max(peakRss, peakRssOfProcess()),
  peakOwn,
})
process.disconnect()

/** Without files that are mapped, such as LevelDB's tables: the system takes their pages back when it needs them. */
function ownMemory() {
  try {
    const [, kibibytes] = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'latin1'))
    return Number(kibibytes) * 1024
  } catch {
    return process.memoryUsage().rss
  }
}

/** As the system counts it, so that no peak between two looks is missed. */
function peakRssOfProcess() {
  try {
    const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'latin1'))
    return Number(kibibytes) * 1024
  } catch {
    return process.resourceUsage().maxRSS * 1024
  }
}
