// How fast a log is exported as JSON lines, beside copying a file of the same bytes.
import { createReadStream, createWriteStream, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { exportLog } from '../dist/export/index.js'
import { openAuditLog } from '../dist/index.js'
import { Events } from './events.mjs'
import { spread } from './measure.mjs'

const ENTRY_BYTES = 500
const FULL = { size: 300_000, rounds: 7 }
const QUICK = { size: 5_000, rounds: 2 }

export const title = 'Export'

export async function run({ quick, log: say }) {
  const { size, rounds } = quick ? QUICK : FULL
  const directory = mkdtempSync(join(tmpdir(), 'spanledger-bench-export-'))
  const log = await openAuditLog(join(directory, 'log'))
  try {
    const events = new Events(ENTRY_BYTES)
    for (let n = 0; n < size; n++) {
      log.record(events.next())
      if (n % 1024 === 0) await log.flush()
    }
    const [exported, copied] = [join(directory, 'exported.jsonl'), join(directory, 'copied.jsonl')]
    const exporting = []
    const copying = []
    for (let round = -1; round < rounds; round++) {
      const exportMillis = await timed(() => pipeline(exportLog(log, { format: 'jsonl' }), createWriteStream(exported)))
      const copyMillis = await timed(() => pipeline(createReadStream(exported), createWriteStream(copied)))
      if (round < 0) continue
      exporting.push(exportMillis)
      copying.push(copyMillis)
    }
    const { size: bytes } = statSync(exported)
    const rate = (millis) => bytes / millis / 1000
    const result = {
      bytes,
      exportMegabytesPerSecond: spread(exporting.map(rate)),
      copyMegabytesPerSecond: spread(copying.map(rate)),
      ratio: spread(exporting.map((millis, at) => copying[at] / millis)),
    }
    say(`export ${result.exportMegabytesPerSecond.median.toFixed(0)} MB/s, ${result.ratio.median.toFixed(2)} x copying`)
    return result
  } finally {
    await log.close()
    rmSync(directory, { recursive: true, force: true })
  }
}

async function timed(work) {
  const began = performance.now()
  await work()
  return performance.now() - began
}

export function tables({ bytes, exportMegabytesPerSecond, copyMegabytesPerSecond, ratio }) {
  return [
    {
      title: `${Math.round(bytes / 1e6)} MB of JSON lines, one file to another for the copy`,
      columns: ['export MB/s', 'copy MB/s', 'export is × as fast'],
      rows: [
        [exportMegabytesPerSecond, copyMegabytesPerSecond, ratio].map(({ median }, at) =>
          median.toFixed(at < 2 ? 0 : 2),
        ),
      ],
    },
  ]
}
