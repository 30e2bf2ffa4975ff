// Sides that write the same events, in turns, and what they are beside the first one.
import { BASELINE, BASELINE_LABEL } from './baseline.mjs'
import { inTurn, median, openSides, spread } from './measure.mjs'

export const OURS = 'spanledger'
export const LABELS = {
  [OURS]: 'Spanledger',
  'spanledger-journal-key': 'Spanledger, journal attested by a key',
  'spanledger-flush-only': 'Spanledger, no journal',
  [BASELINE]: BASELINE_LABEL,
  'better-sqlite3': 'better-sqlite3',
  'better-sqlite3-gathering': 'better-sqlite3, 4,096 a transaction',
  'node-sqlite': 'node:sqlite',
  lmdb: 'LMDB',
  hypercore: 'hypercore, 64 an append',
  'json-lines': 'JSON lines + fsync',
  'raw-level': 'LevelDB alone: prepared bytes, 1,024 a batch',
}

/**
 * Has the sides take turns, one round each. Ratios are of the first side to each of them, within a round.
 *
 * @param {{ names: string[], entryBytes: number, eventsPerTick: number, rounds: number, warmUps: number, cpuMillis: number,
 * isComplete?: boolean }} task - `isComplete` asks for an error instead of leaving out a side that is not installed
 */
export async function compareSides({
  names,
  entryBytes,
  eventsPerTick,
  rounds,
  warmUps,
  cpuMillis,
  isComplete = false,
}) {
  const sides = await openSides(names, entryBytes)
  const results = new Map(sides.map(({ name }) => [name, []]))
  try {
    if (isComplete && sides.length < names.length) throw new Error('not all of the sides that were asked for are there')
    for (let round = -warmUps; round < rounds; round++) {
      for (const side of inTurn(sides, round)) {
        const result = await side.ask({ cpuMillis, eventsPerTick })
        if (result.notes?.dropped > 0) throw new Error(`${side.name} dropped ${result.notes.dropped} events`)
        if (round >= 0) results.get(side.name).push(result)
      }
    }
  } finally {
    await Promise.all(sides.map((side) => side.close()))
  }
  return { entryBytes, eventsPerTick, rounds, sides: summarised(results) }
}

function summarised(results) {
  const [first] = results.values()
  return [...results].map(([name, rounds]) => ({
    name,
    side: LABELS[name],
    perSecond: spread(rounds.map(rate)),
    cpuMicrosPerEvent: spread(rounds.map(cpuMicros)),
    oursIsTimes: spread(rounds.map((round, at) => rate(first[at]) / rate(round))),
    oursTakesTimesCpu: spread(rounds.map((round, at) => cpuMicros(first[at]) / cpuMicros(round))),
    eventsPerCommit: rounds.at(-1).notes?.eventsPerCommit,
    rssMiB: median(rounds.map(({ rss }) => rss / 2 ** 20)),
  }))
}

function rate({ count, millis }) {
  return (count / millis) * 1000
}

/** Of all threads, for each event that became durable. */
function cpuMicros({ cpuMicros: micros, count }) {
  return micros / count
}
