// How many events a second become durable, beside what else one could write them with. The sides take turns, one round
// each, so that what else the machine does meets all of them; ratios are of rounds that followed each other.
import { median, openSides, spread } from './measure.mjs'

const NAMES = {
  spanledger: 'Spanledger',
  'spanledger-flush-only': 'Spanledger, no journal',
  'better-sqlite3': 'better-sqlite3',
  'better-sqlite3-gathering': 'better-sqlite3, 4,096 a transaction',
  'node-sqlite': 'node:sqlite',
  hypercore: 'hypercore, 64 an append',
  'json-lines': 'JSON lines + fsync',
  'raw-level': 'LevelDB alone: prepared bytes, 1,024 a batch',
}
const OURS = 'spanledger'

const FULL = { sizes: [300, 600, 4096], ticks: [1, 8, 64, 1024], rounds: 5, cpuMillis: 1000, warmUps: 1 }
const QUICK = { sizes: [600], ticks: [64], rounds: 2, cpuMillis: 150, warmUps: 0 }

export const title = 'Ingest, end to end durable'

export async function run({ quick, log }) {
  const { sizes, ticks, rounds, cpuMillis, warmUps } = quick ? QUICK : FULL
  const workloads = []
  for (const entryBytes of sizes) {
    for (const eventsPerTick of ticks) {
      const names = Object.keys(NAMES).filter((name) => name !== 'hypercore' || eventsPerTick >= 64)
      const sides = await openSides(names, entryBytes)
      const results = new Map(sides.map(({ name }) => [name, []]))
      for (let round = -warmUps; round < rounds; round++) {
        for (const side of sides) {
          const result = await side.ask({ cpuMillis, eventsPerTick })
          if (round >= 0) results.get(side.name).push(result)
        }
      }
      await Promise.all(sides.map((side) => side.close()))
      const workload = { entryBytes, eventsPerTick, sides: summarised(results) }
      workloads.push(workload)
      log(
        `${entryBytes} B, ${eventsPerTick} a tick: ${workload.sides.map(({ side, perSecond }) => `${side} ${Math.round(perSecond.median)}`).join(', ')}`,
      )
    }
  }
  return { workloads }
}

function summarised(results) {
  const ours = results.get(OURS)
  return [...results].map(([name, rounds]) => ({
    side: NAMES[name],
    perSecond: spread(rounds.map(rate)),
    cpuMicrosPerEvent: spread(rounds.map(({ cpuMicros, count }) => cpuMicros / count)),
    oursIsTimes: spread(rounds.map((round, at) => rate(ours[at]) / rate(round))),
    eventsPerCommit: rounds.at(-1).notes?.eventsPerCommit,
    rssMiB: median(rounds.map(({ rss }) => rss / 2 ** 20)),
  }))
}

function rate({ count, millis }) {
  return (count / millis) * 1000
}

export function tables({ workloads }) {
  return workloads.map(({ entryBytes, eventsPerTick, sides }) => ({
    title: `Entries of ${entryBytes.toLocaleString('en')} B, ${eventsPerTick.toLocaleString('en')} events a tick`,
    columns: ['', 'Spanledger is × as fast', 'events/s', 'middle half of the rounds', 'CPU µs/event', 'RSS MiB'],
    rows: sides.map(({ side, perSecond, cpuMicrosPerEvent, oursIsTimes, rssMiB }) => [
      side,
      side === NAMES[OURS] ? '' : oursIsTimes.median.toFixed(2),
      whole(perSecond.median),
      `${whole(perSecond.low)} to ${whole(perSecond.high)}`,
      cpuMicrosPerEvent.median.toFixed(1),
      whole(rssMiB),
    ]),
  }))
}

function whole(number) {
  return Math.round(number).toLocaleString('en')
}
