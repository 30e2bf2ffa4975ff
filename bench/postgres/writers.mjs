// What several processes write to logs of their own, and to one log, beside one process that writes to one.
import { randomUUID } from 'node:crypto'
import { inTurn, spread, startProcess } from '../measure.mjs'

const ENTRY_BYTES = 500
const WRITERS = 4
const FULL = { millis: 2_000, rounds: 12 }
const QUICK = { millis: 150, rounds: 2 }

const LOADS = {
  'as fast as they are taken': { waits: false },
  'each waits until its event is durable': { waits: true },
}
const [ONE_TO_ONE, ...OTHERS] = [
  { name: '1 writer, 1 log', writers: 1, log: 'own' },
  { name: `${WRITERS} writers, ${WRITERS} logs`, writers: WRITERS, log: 'own' },
  { name: `${WRITERS} writers, 1 log`, writers: WRITERS, log: 'shared' },
]

export async function run({ connectionString, quick, log }) {
  const { millis, rounds } = quick ? QUICK : FULL
  const shared = `bench ${randomUUID()}`
  const processes = Array.from({ length: WRITERS }, (_, n) =>
    startProcess('postgres/writer-process.mjs', [
      JSON.stringify({ connectionString, entryBytes: ENTRY_BYTES, own: `bench ${randomUUID()}`, shared, n }),
    ]),
  )
  const loads = []
  try {
    await Promise.all(processes.map((each) => each.ask()))
    for (const [load, { waits }] of Object.entries(LOADS)) {
      const sides = [ONE_TO_ONE, ...OTHERS].map((side) => ({ ...side, perSecond: [] }))
      for (let round = -1; round < rounds; round++) {
        for (const side of inTurn(sides, round)) {
          const began = performance.now()
          const writing = processes.slice(0, side.writers)
          const counts = await Promise.all(writing.map((each) => each.ask({ log: side.log, millis, waits })))
          const count = counts.reduce((sum, each) => sum + each, 0)
          if (round >= 0) side.perSecond.push((count / (performance.now() - began)) * 1000)
        }
      }
      const [one] = sides
      const measured = sides.map(({ name, perSecond }) => ({
        name,
        perSecond: spread(perSecond),
        timesOne: spread(perSecond.map((each, at) => each / one.perSecond[at])),
      }))
      loads.push({ load, sides: measured })
      for (const { name, perSecond, timesOne } of measured)
        log(`${load}, ${name}: ${Math.round(perSecond.median)} events/s, ${timesOne.median.toFixed(2)} x`)
    }
  } finally {
    await Promise.all(processes.map((each) => each.close()))
  }
  return loads
}

export function table(loads) {
  const number = (value) => Math.round(value).toLocaleString('en')
  return {
    title: `Writers and logs, each writer a process, entries of ${ENTRY_BYTES} B, ${loads[0].sides[0].perSecond.rounds} rounds`,
    columns: ['', 'events/s', 'middle half of the rounds', `× ${ONE_TO_ONE.name}`, 'middle half of the rounds'],
    rows: loads.flatMap(({ load, sides }) =>
      sides.map(({ name, perSecond, timesOne }) => [
        `${load}: ${name}`,
        number(perSecond.median),
        `${number(perSecond.low)} to ${number(perSecond.high)}`,
        ...(name === ONE_TO_ONE.name
          ? ['', '']
          : [timesOne.median.toFixed(2), `${timesOne.low.toFixed(2)} to ${timesOne.high.toFixed(2)}`]),
      ]),
    ),
  }
}
