import { writeSync } from 'node:fs'
import { GATE, gateThreads } from './gated-threads.mjs'

// Records events with a journal that a slow thread writes, says of each how far the journal is, and ends in the way that it is told.

const [dist, directory, end, windowBytes] = process.argv.slice(2)
const gate = gateThreads()
const { openAuditLog } = await import(`${dist}/index.js`)
const log = await openAuditLog(directory, { durability: 'journal-behind', journalWindowBytes: Number(windowBytes) })
gate.set(end === 'kill' ? GATE.slow : GATE.held)
for (let n = 0; end === 'kill' || n < 40; n++) {
  log.record({ type: 'custom', data: { name: `${n}`, pad: 'x'.repeat(2000) } })
  const { journalBytes, journalWindow } = log.counters()
  writeSync(1, `${n} ${journalBytes} ${journalWindow.unwrittenBytes}\n`)
  if (n % 50 === 49) await new Promise((resolve) => setImmediate(resolve))
}
if (end === 'exit') process.exit(0)
if (end === 'throw') throw new Error('nobody catches this')
if (end === 'reject') await Promise.reject(new Error('nobody catches this'))
// Otherwise the process ends by itself, and its log stays open.
gate.set(GATE.open)
