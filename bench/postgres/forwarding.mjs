// What a forwarder adds to how long recording in a local log takes, in the process that does both.
import { randomUUID } from 'node:crypto'
import { inTurn, quantile, spread, startProcess } from '../measure.mjs'

const ENTRY_BYTES = 500
const SIDES = {
  none: 'no forwarder',
  memory: 'forwarder, to a store in memory',
  postgres: 'forwarder, to PostgreSQL',
}
const LOADS = [
  { name: '8 events every 10 ms', eventsPerTick: 8, everyMillis: 10, ticks: 200 },
  { name: '64 events a tick, without a pause', eventsPerTick: 64, everyMillis: 0, ticks: 100 },
]
const ROUNDS = 16
const QUICK = { ticks: 5, rounds: 2 }
const MEASURES = ['recordMillis', 'appendMillis']
const SHARES = { p50: 0.5, p99: 0.99 }

export async function run({ connectionString, quick, log }) {
  const loads = []
  for (const load of LOADS) {
    const { ticks, rounds } = quick ? QUICK : { ticks: load.ticks, rounds: ROUNDS }
    const sides = await openSides(connectionString)
    try {
      for (let round = -1; round < rounds; round++) {
        for (const side of inTurn(sides, round)) {
          const millis = await side.ask({ ...load, ticks })
          if (round >= 0) side.rounds.push(quantilesOf(millis))
        }
      }
    } finally {
      await Promise.all(sides.map((side) => side.close()))
    }
    const measured = sides.map((side) => summary(side, sides[0]))
    loads.push({ load: load.name, ticks, rounds, sides: measured })
    for (const { side, appendMillis } of measured)
      log(`${load.name}, ${SIDES[side]}: append p50 ${appendMillis.p50.median.toFixed(2)} ms`)
  }
  return loads
}

async function openSides(connectionString) {
  const sides = Object.keys(SIDES).map((side) => {
    const task = { to: side, connectionString, logId: `bench ${randomUUID()}`, entryBytes: ENTRY_BYTES }
    return { side, rounds: [], ...startProcess('postgres/forwarding-process.mjs', [JSON.stringify(task)]) }
  })
  await Promise.all(sides.map((side) => side.ask()))
  return sides
}

function quantilesOf(millis) {
  const of = (samples) =>
    Object.fromEntries(Object.entries(SHARES).map(([name, share]) => [name, quantile(samples, share)]))
  return Object.fromEntries(MEASURES.map((measure) => [measure, of(millis[measure])]))
}

/** The rounds of a side, and by what each differs from the one without a forwarder in the same round. */
function summary({ side, rounds }, { rounds: without }) {
  const summarise = (measure, share) => ({
    ...spread(rounds.map((round) => round[measure][share])),
    adds: spread(rounds.map((round, at) => round[measure][share] / without[at][measure][share] - 1)),
  })
  const of = (measure) => Object.fromEntries(Object.keys(SHARES).map((share) => [share, summarise(measure, share)]))
  return { side, ...Object.fromEntries(MEASURES.map((measure) => [measure, of(measure)])) }
}

export function tables(loads) {
  const percent = (value) => (value * 100).toFixed(0)
  return loads.map(({ load, ticks, rounds, sides }) => ({
    title: `Recording in a local log that is forwarded: ${load}, the last one awaited, ${rounds} rounds of ${ticks} ticks; medians of the rounds, and the middle half of what they add`,
    columns: ['', ...['record() µs: p50', 'p99', 'append() ms: p50', 'p99'].flatMap((name) => [name, 'adds %'])],
    rows: sides.map(({ side, recordMillis, appendMillis }) => [
      SIDES[side],
      ...[recordMillis.p50, recordMillis.p99, appendMillis.p50, appendMillis.p99].flatMap(({ median, adds }, at) => [
        at < 2 ? (median * 1000).toFixed(1) : median.toFixed(2),
        side === 'none' ? '' : `${percent(adds.median)} (${percent(adds.low)} to ${percent(adds.high)})`,
      ]),
    ]),
  }))
}
