// How fast a log is exported as JSON lines, beside copying a file of the same bytes.
import { createReadStream, createWriteStream, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { BASELINE_LABEL, hasBaseline, importBaseline } from './baseline.mjs'
import { Events } from './events.mjs'
import { inTurn, spread } from './measure.mjs'

const ENTRY_BYTES = 500
const FULL = { size: 300_000, rounds: 7 }
const QUICK = { size: 5_000, rounds: 2 }

export const title = 'Export'
export const format = 2

export async function run({ quick, log: say }) {
  const { size, rounds } = quick ? QUICK : FULL
  const directory = mkdtempSync(join(tmpdir(), 'spanledger-bench-export-'))
  const exported = join(directory, 'exported.jsonl')
  const copied = join(directory, 'copied.jsonl')
  const sides = []
  try {
    sides.push(await openSide('Spanledger', (path) => import(`../dist/${path}`), directory, size))
    if (hasBaseline(say)) sides.push(await openSide(BASELINE_LABEL, importBaseline, directory, size))
    for (let round = -1; round < rounds; round++) {
      for (const side of inTurn(sides, round)) {
        const exporting = await timed(() => pipeline(side.exportLines(), createWriteStream(exported)))
        const copying = await timed(() => pipeline(createReadStream(exported), createWriteStream(copied)))
        if (round >= 0) side.results.push({ exporting, copying })
      }
    }
    const { size: bytes } = statSync(exported)
    const result = { bytes, sides: sides.map((side) => summarised(side, bytes)) }
    for (const { side, exportMegabytesPerSecond, ratio } of result.sides) {
      say(`${side}: ${exportMegabytesPerSecond.median.toFixed(0)} MB/s, ${ratio.median.toFixed(2)} x copying`)
    }
    return result
  } finally {
    for (const side of sides) await side.close()
    rmSync(directory, { recursive: true, force: true })
  }
}

/** @param load - imports a module of the version, by its path in `dist` */
async function openSide(label, load, directory, size) {
  const { openAuditLog } = await load('index.js')
  const { exportLog } = await load('export/index.js')
  const log = await openAuditLog(join(directory, label))
  const events = new Events(ENTRY_BYTES)
  for (let n = 0; n < size; n++) {
    log.record(events.next())
    if (n % 1024 === 0) await log.flush()
  }
  return { label, exportLines: () => exportLog(log, { format: 'jsonl' }), close: () => log.close(), results: [] }
}

function summarised({ label, results }, bytes) {
  const rate = (millis) => bytes / millis / 1000
  return {
    side: label,
    exportMegabytesPerSecond: spread(results.map(({ exporting }) => rate(exporting))),
    copyMegabytesPerSecond: spread(results.map(({ copying }) => rate(copying))),
    ratio: spread(results.map(({ exporting, copying }) => copying / exporting)),
  }
}

async function timed(work) {
  const began = performance.now()
  await work()
  return performance.now() - began
}

export function tables({ bytes, sides }) {
  return [
    {
      title: `${Math.round(bytes / 1e6)} MB of JSON lines, one file to another for the copy`,
      columns: ['', 'export MB/s', 'copy MB/s', 'export is × as fast', 'middle half of the rounds'],
      rows: sides.map(({ side, exportMegabytesPerSecond, copyMegabytesPerSecond, ratio }) => [
        side,
        exportMegabytesPerSecond.median.toFixed(0),
        copyMegabytesPerSecond.median.toFixed(0),
        ratio.median.toFixed(2),
        `${ratio.low.toFixed(2)} to ${ratio.high.toFixed(2)}`,
      ]),
    },
  ]
}
