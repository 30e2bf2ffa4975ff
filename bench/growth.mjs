// What a log of growing size costs: rate, memory, disk, and how long it takes to open, also after kill -9.
import { fork } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BASELINE_LABEL, hasBaseline } from './baseline.mjs'
import { inTurn, median, spread } from './measure.mjs'

const ENTRY_BYTES = 500
const FULL = {
  sizes: [10_000, 100_000, 1_000_000, 10_000_000],
  openings: 5,
  optionEvents: 100_000,
  pairedEvents: 1_000_000,
  pairs: 15,
}
const QUICK = { sizes: [2_000], openings: 1, optionEvents: 2_000, pairedEvents: 2_000, pairs: 1 }
/** Recorded in the tick of the kill: more than one commit takes. */
const DYING_EVENTS = 5_000

const OPTIONS = [
  { label: '300 B', entryBytes: 300, options: {} },
  { label: '600 B', entryBytes: 600, options: {} },
  { label: '4,096 B', entryBytes: 4096, options: {} },
  { label: '600 B, `durability: flush-only`', entryBytes: 600, options: { durability: 'flush-only' } },
]

export const title = 'Growth'
export const format = 2

export async function run({ quick, log, to }) {
  const { sizes, openings, optionEvents, pairedEvents, pairs } = quick ? QUICK : FULL
  const growth = []
  const directory = mkdtempSync(join(tmpdir(), 'spanledger-bench-growth-'))
  try {
    let size = 0
    for (const target of sizes.filter((each) => each <= (to ?? Number.POSITIVE_INFINITY))) {
      const grown = await inProcess({ directory, entryBytes: ENTRY_BYTES, skip: size, grow: target - size })
      const bytes = bytesOf(directory)
      const opened = []
      const recovered = []
      size = grown.size
      for (let round = 0; round < openings; round++) {
        opened.push((await inProcess({ directory, entryBytes: ENTRY_BYTES })).openMillis)
        await killed({ directory, entryBytes: ENTRY_BYTES, skip: size })
        const after = await inProcess({ directory, entryBytes: ENTRY_BYTES })
        if (after.replayed === 0) throw new Error('nothing was recovered after kill -9')
        recovered.push(after.openMillis)
        size = after.size
      }
      const row = {
        size: target,
        perSecond: (grown.committed / grown.millis) * 1000,
        cpuMicrosPerEvent: grown.cpuMicros / grown.committed,
        heapMiB: grown.heapBytes / 2 ** 20,
        peakRssMiB: grown.peakRss / 2 ** 20,
        peakOwnMiB: grown.peakOwn / 2 ** 20,
        dbBytesPerEntry: bytes.db / grown.size,
        journalMiB: bytes.journal / 2 ** 20,
        openMillis: median(opened),
        recoveryMillis: median(recovered),
        dropped: grown.dropped,
      }
      growth.push(row)
      log(
        `${target} events: ${Math.round(row.perSecond)}/s, RSS ${Math.round(row.peakRssMiB)} MiB, ${Math.round(row.dbBytesPerEntry)} B an entry, open ${Math.round(row.openMillis)} ms, after kill -9 ${Math.round(row.recoveryMillis)} ms`,
      )
    }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
  const options = await sizesByOption(optionEvents)
  const opening = hasBaseline(log) ? await openInTurns(pairedEvents, pairs) : undefined
  return { entryBytes: ENTRY_BYTES, growth, options, optionEvents, opening }
}

/** Opens a log of this version and one of the former version in turns, each after a clean end and after a crash. */
async function openInTurns(events, rounds) {
  const directory = mkdtempSync(join(tmpdir(), 'spanledger-bench-opening-'))
  try {
    const sides = ['Spanledger', BASELINE_LABEL].map((label) => ({
      label,
      task: { directory: join(directory, label), entryBytes: ENTRY_BYTES, ofBaseline: label === BASELINE_LABEL },
      clean: [],
      crashed: [],
    }))
    for (const { task } of sides) await inProcess({ ...task, grow: events })
    for (let round = 0; round < rounds; round++) {
      for (const { task, clean, crashed } of inTurn(sides, round)) {
        const opened = await inProcess(task)
        clean.push(opened.openMillis)
        await killed({ ...task, skip: opened.size })
        crashed.push((await inProcess(task)).openMillis)
      }
    }
    const [ours] = sides
    const measured = sides.map(({ label, clean, crashed }) => ({
      side: label,
      openMillis: spread(clean),
      recoveryMillis: spread(crashed),
      openTimesOurs: spread(clean.map((millis, at) => millis / ours.clean[at])),
      recoveryTimesOurs: spread(crashed.map((millis, at) => millis / ours.crashed[at])),
    }))
    return { events, rounds, sides: measured }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

async function sizesByOption(count) {
  const sizes = []
  for (const { label, entryBytes, options } of OPTIONS) {
    const directory = mkdtempSync(join(tmpdir(), 'spanledger-bench-options-'))
    try {
      await inProcess({ directory, entryBytes, options, grow: count })
      const { db, journal } = bytesOf(directory)
      sizes.push({ label, entryBytes, dbBytesPerEntry: db / count, journalMiB: journal / 2 ** 20 })
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  }
  return sizes
}

/** @returns what the process sends last */
function inProcess(task) {
  return new Promise((resolve, reject) => {
    let answer
    const child = fork(join(import.meta.dirname, 'growth-process.mjs'), [JSON.stringify(task)])
    child.on('message', (message) => {
      answer = message
    })
    child.on('exit', (code) => {
      if (answer === undefined || code !== 0) reject(new Error(`the process that grows the log ended with ${code}`))
      else resolve(answer)
    })
  })
}

function killed(task) {
  return new Promise((resolve) => {
    const dying = JSON.stringify({ ...task, die: DYING_EVENTS })
    const child = fork(join(import.meta.dirname, 'growth-process.mjs'), [dying])
    child.on('exit', resolve)
  })
}

function bytesOf(directory) {
  const [entries, index, journal] = ['entries', 'index', 'journal'].map((name) => sizeOf(join(directory, name)))
  return { db: entries + index, journal }
}

function sizeOf(path) {
  try {
    return readdirSync(path).reduce((sum, name) => sum + statSync(join(path, name)).size, 0)
  } catch (problem) {
    if (problem.code === 'ENOENT') return 0
    throw problem
  }
}

export function tables({ entryBytes, growth, options, optionEvents, opening }) {
  const number = (value, digits = 0) => value.toLocaleString('en', { maximumFractionDigits: digits })
  return [
    {
      title: `Entries of ${entryBytes} B, as fast as they are taken`,
      columns: [
        'events',
        'events/s',
        'CPU µs/event',
        'heap MiB',
        'own memory at most, MiB',
        'with mapped tables, MiB',
        'B an entry in entries/ and index/',
        'open ms',
        `open ms after kill -9 with ${DYING_EVENTS.toLocaleString('en')} to recover`,
      ],
      rows: growth.map((row) => [
        number(row.size),
        number(row.perSecond),
        number(row.cpuMicrosPerEvent, 1),
        number(row.heapMiB),
        number(row.peakOwnMiB),
        number(row.peakRssMiB),
        number(row.dbBytesPerEntry),
        number(row.openMillis),
        number(row.recoveryMillis),
      ]),
    },
    {
      title: `Size on disk after ${number(optionEvents)} events`,
      columns: ['entries', 'B an entry in entries/ and index/', 'journal MiB'],
      rows: options.map(({ label, dbBytesPerEntry, journalMiB }) => [
        label,
        number(dbBytesPerEntry),
        number(journalMiB),
      ]),
    },
    ...(opening ? [openingTable(opening)] : []),
  ]
}

function openingTable({ events, rounds, sides }) {
  const cells = ({ median: middle, low, high }) => [middle.toFixed(2), `${low.toFixed(2)} to ${high.toFixed(2)}`]
  return {
    title: `Opening a log of ${events.toLocaleString('en')} events, ${rounds} rounds in turns; ratios to Spanledger, with the middle half of the rounds`,
    columns: ['', 'open ms', '×', '', 'open ms after kill -9', '×', ''],
    rows: sides.map(({ side, openMillis, openTimesOurs, recoveryMillis, recoveryTimesOurs }) => [
      side,
      openMillis.median.toFixed(0),
      ...cells(openTimesOurs),
      recoveryMillis.median.toFixed(0),
      ...cells(recoveryTimesOurs),
    ]),
  }
}
