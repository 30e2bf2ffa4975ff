// How many events a second become durable, beside what else one could write them with. The sides take turns, one round
// each, so that what else the machine does meets all of them; ratios are of rounds that followed each other.
//
//   node bench/ingest.mjs [--sides spanledger,v0.1.0] [--rounds 15] [--tick 1,64,1024] [--entry-bytes 600] [--json]
//
// compares the first of these sides with each of the others in as many rounds as are asked for.
import { parseArgs } from 'node:util'
import { BASELINE, baselineDist } from './baseline.mjs'
import { compareSides, LABELS, OURS } from './comparison.mjs'
import { isProgram } from './program.mjs'
import { markdown } from './report.mjs'

const FULL = {
  table: { sizes: [300, 600, 4096], ticks: [1, 8, 64, 1024], rounds: 5, cpuMillis: 1000, warmUps: 1 },
  pairs: { ticks: [1, 64, 1024], rounds: 15, cpuMillis: 1000, warmUps: 1 },
}
const QUICK = {
  table: { sizes: [600], ticks: [64], rounds: 2, cpuMillis: 150, warmUps: 0 },
  pairs: { ticks: [64], rounds: 2, cpuMillis: 50, warmUps: 0 },
}
const WITH_KEY = 'spanledger-journal-key'
const PAIRED = [OURS, WITH_KEY, BASELINE, 'better-sqlite3', 'lmdb']
const PAIRED_ENTRY_BYTES = 600

export const title = 'Ingest, end to end durable'
export const format = 2

export async function run({ quick, log }) {
  const { table, pairs } = quick ? QUICK : FULL
  const workloads = []
  for (const entryBytes of table.sizes) {
    for (const eventsPerTick of table.ticks) {
      const names = Object.keys(LABELS).filter((name) => isInTables(name, eventsPerTick))
      const workload = await compareSides({ ...table, names, entryBytes, eventsPerTick })
      workloads.push(workload)
      log(
        `${entryBytes} B, ${eventsPerTick} a tick: ${workload.sides.map(({ side, perSecond }) => `${side} ${Math.round(perSecond.median)}`).join(', ')}`,
      )
    }
  }
  return { workloads, pairs: await comparePairs({ ...pairs, names: PAIRED, entryBytes: PAIRED_ENTRY_BYTES }, log) }
}

/** A key of the journal costs what it costs whatever else is the case: the paired rounds tell. */
function isInTables(name, eventsPerTick) {
  return name !== WITH_KEY && (name !== 'hypercore' || eventsPerTick >= 64)
}

async function comparePairs({ ticks, ...task }, log) {
  const pairs = []
  for (const eventsPerTick of ticks) {
    const workload = await compareSides({ ...task, eventsPerTick })
    pairs.push(workload)
    log(`${task.rounds} rounds, ${eventsPerTick} a tick: ${workload.sides.slice(1).map(ratios).join(', ')}`)
  }
  return pairs
}

function ratios({ side, oursIsTimes, oursTakesTimesCpu }) {
  return `beside ${side} ${oursIsTimes.median.toFixed(2)} × the rate, ${oursTakesTimesCpu.median.toFixed(2)} × the CPU time`
}

export function tables({ workloads, pairs }) {
  return [...workloads.map(sidesTable), pairsTable(pairs)]
}

function sidesTable({ entryBytes, eventsPerTick, sides }) {
  return {
    title: `Entries of ${entryBytes.toLocaleString('en')} B, ${eventsPerTick.toLocaleString('en')} events a tick`,
    columns: ['', 'Spanledger is × as fast', 'events/s', 'middle half of the rounds', 'CPU µs/event', 'RSS MiB'],
    rows: sides.map(({ name, side, perSecond, cpuMicrosPerEvent, oursIsTimes, rssMiB }) => [
      side,
      name === OURS ? '' : oursIsTimes.median.toFixed(2),
      whole(perSecond.median),
      `${whole(perSecond.low)} to ${whole(perSecond.high)}`,
      cpuMicrosPerEvent.median.toFixed(1),
      whole(rssMiB),
    ]),
  }
}

function pairsTable(pairs) {
  const [{ entryBytes, rounds, sides }] = pairs
  const [{ side: first }] = sides
  return {
    title: `${first} beside each of the others, ${rounds} rounds in turns, entries of ${entryBytes.toLocaleString('en')} B; ratios are medians, with the middle half of the rounds`,
    columns: ['', 'rate ×', '', 'CPU time per event ×', '', 'events/s', `${first} events/s`],
    rows: pairs.flatMap(({ eventsPerTick, sides: [ours, ...others] }) =>
      others.map(({ side, perSecond, oursIsTimes, oursTakesTimesCpu }) => [
        `${side}, ${eventsPerTick.toLocaleString('en')} a tick`,
        ...ratioCells(oursIsTimes),
        ...ratioCells(oursTakesTimesCpu),
        whole(perSecond.median),
        whole(ours.perSecond.median),
      ]),
    ),
  }
}

function ratioCells({ median, low, high }) {
  return [median.toFixed(2), `${low.toFixed(2)} to ${high.toFixed(2)}`]
}

function whole(number) {
  return Math.round(number).toLocaleString('en')
}

async function main() {
  const { values } = parseArgs({
    options: {
      sides: { type: 'string', default: [OURS, BASELINE].join() },
      rounds: { type: 'string', default: String(FULL.pairs.rounds) },
      tick: { type: 'string', default: FULL.pairs.ticks.join() },
      'entry-bytes': { type: 'string', default: String(PAIRED_ENTRY_BYTES) },
      json: { type: 'boolean', default: false },
    },
  })
  const names = values.sides.split(',')
  const unknown = names.filter((name) => LABELS[name] === undefined)
  if (unknown.length > 0 || names.length < 2) {
    throw new Error(`--sides takes two or more of: ${Object.keys(LABELS).join(', ')}`)
  }
  if (names.includes(BASELINE)) baselineDist()
  const task = {
    ...FULL.pairs,
    names,
    ticks: values.tick.split(',').map(Number),
    rounds: Number(values.rounds),
    entryBytes: Number(values['entry-bytes']),
    isComplete: true,
  }
  const pairs = await comparePairs(task, (line) => console.error(line))
  console.log(values.json ? JSON.stringify({ pairs }, null, 2) : markdown(pairsTable(pairs)))
}

if (isProgram(import.meta)) await main()
