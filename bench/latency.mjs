// How long it takes until what was appended is durable, and how long the calling thread is busy with it.
import { openSides, quantile } from './measure.mjs'

const NAMES = {
  spanledger: 'Spanledger, append()',
  'better-sqlite3': 'better-sqlite3',
  'json-lines': 'JSON lines + fsync',
}
const ENTRY_BYTES = 600
const FULL = { ticks: [1, 64, 1024], rounds: 10, count: 60 }
const QUICK = { ticks: [1], rounds: 2, count: 10 }
const SHARES = { p50: 0.5, p99: 0.99, p999: 0.999 }

export const title = 'Latency of a durable append'

export async function run({ quick, log }) {
  const { ticks, rounds, count } = quick ? QUICK : FULL
  const workloads = []
  for (const eventsPerTick of ticks) {
    const sides = await openSides(Object.keys(NAMES), ENTRY_BYTES)
    const millis = new Map(sides.map(({ name }) => [name, { durable: [], blocked: [] }]))
    for (let round = -1; round < rounds; round++) {
      for (const side of sides) {
        const { durable, blocked } = await side.ask({ latencies: { count, eventsPerTick } })
        if (round < 0) continue
        millis.get(side.name).durable.push(...durable)
        millis.get(side.name).blocked.push(...blocked)
      }
    }
    await Promise.all(sides.map((side) => side.close()))
    const measured = [...millis].map(([name, { durable, blocked }]) => ({
      side: NAMES[name],
      durableMillis: quantiles(durable),
      blockedMillis: quantiles(blocked),
    }))
    workloads.push({ eventsPerTick, samples: rounds * count, sides: measured })
    log(
      `${eventsPerTick} a tick: ${measured.map(({ side, durableMillis }) => `${side} ${durableMillis.p50.toFixed(2)} ms`).join(', ')}`,
    )
  }
  return { workloads }
}

function quantiles(millis) {
  return Object.fromEntries(Object.entries(SHARES).map(([name, share]) => [name, quantile(millis, share)]))
}

export function tables({ workloads }) {
  return workloads.map(({ eventsPerTick, samples, sides }) => ({
    title: `${eventsPerTick === 1 ? 'One event alone' : `The last of ${eventsPerTick.toLocaleString('en')} events of a tick`}, 600 B, ${samples} times; milliseconds`,
    columns: ['', 'durable: p50', 'p99', 'p999', 'calling thread busy: p50', 'p99', 'p999'],
    rows: sides.map(({ side, durableMillis, blockedMillis }) => [
      side,
      ...[...Object.values(durableMillis), ...Object.values(blockedMillis)].map((millis) => millis.toFixed(3)),
    ]),
  }))
}
