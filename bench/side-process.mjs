// One side of a comparison, in a process of its own: runs a round when it is told to.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BASELINE } from './baseline.mjs'
import { Events } from './events.mjs'

const [name, entryBytes] = process.argv.slice(2)
const MAX_CLOCK_TO_CPU = 4
const directory = await mkdtemp(join(tmpdir(), `spanledger-bench-${name}-`))
const events = new Events(Number(entryBytes))
let side
try {
  const { open } = await import(`./sides/${name === BASELINE ? 'baseline' : name}.mjs`)
  side = await open(directory, { entryBytes: Number(entryBytes) })
  process.send({ ready: true })
} catch (problem) {
  await rm(directory, { recursive: true, force: true })
  process.send({ missing: `${problem.code ?? problem}` })
  process.disconnect()
}

process.on('message', async (message) => {
  if (message === 'close') {
    await side.close()
    await rm(directory, { recursive: true, force: true })
    process.disconnect()
    return
  }
  process.send(message.latencies ? await latencies(message.latencies) : await round(message))
})

/**
 * Ticks of so many events, until they have taken so much CPU time, or so many times that by the clock: on a busy machine
 * a side that computes must not get to do less. The clock stops when all of them are durable.
 */
async function round({ cpuMillis, eventsPerTick }) {
  const cpu = process.cpuUsage()
  const began = performance.now()
  let count = 0
  do {
    await side.put(events.take(eventsPerTick))
    count += eventsPerTick
    await endOfTick()
  } while (cpuSince(cpu) < cpuMillis * 1000 && performance.now() - began < cpuMillis * MAX_CLOCK_TO_CPU)
  await side.durable()
  const elapsed = performance.now() - began
  await quiet()
  const cpuMicros = cpuSince(cpu)
  const { rss, heapUsed } = process.memoryUsage()
  return { count, millis: elapsed, cpuMicros, rss, heapUsed, notes: side.notes?.() }
}

/**
 * How long it takes until the events of one tick are durable, when nothing else goes on, and for how much of that the
 * calling thread is busy, and so the service it belongs to.
 */
async function latencies({ count, eventsPerTick }) {
  const durable = []
  const blocked = []
  while (durable.length < count) {
    const tick = events.take(eventsPerTick)
    const began = performance.now()
    const settled = put(tick)
    blocked.push(performance.now() - began)
    await settled
    durable.push(performance.now() - began)
    await endOfTick()
  }
  return { durable, blocked }
}

/** The last event of a tick is the one that is waited for, where a side can tell of one. */
function put(tick) {
  if (!side.append) return Promise.resolve(side.put(tick)).then(() => side.durable())
  const last = tick.pop()
  side.put(tick)
  return side.append(last)
}

/** Until what goes on in the background, as merging of tables, is over: it belongs to the round's CPU time. */
async function quiet() {
  for (let tries = 0; tries < 40; tries++) {
    const before = process.cpuUsage()
    await new Promise((resolve) => setTimeout(resolve, 25))
    if (cpuSince(before) < 2_500) return
  }
}

function cpuSince(before) {
  const { user, system } = process.cpuUsage(before)
  return user + system
}

function endOfTick() {
  return new Promise((resolve) => setImmediate(resolve))
}
