import { openAuditLog } from 'spanledger'
import { given, say } from './say.mjs'

// Leaves a log behind that has something everywhere: tables of both databases, logs of both, and what only the journal
// has.

/** The index is written once so many entries have gathered. */
const INDEXED_AT_ONCE = 1024
const [directory] = given()
let n = 0

const log = await openAuditLog(directory)
for (let group = 0; group < 10; group++) {
  for (let more = 0; more < 150; more++) record(log)
  await log.flush()
}
await log.close()

const again = await openAuditLog(directory)
for (let group = 0; group < 100; group++) {
  for (let more = 0; more < Math.ceil(INDEXED_AT_ONCE / 80); more++) record(again)
  await again.flush()
}
say('committed')
for (let more = 0; more < 20; more++) record(again)
process.kill(process.pid, 'SIGKILL')

/** @param {import('spanledger').AuditLog} to */
function record(to) {
  const name = `g:${n++}`
  to.record({ type: 'custom', sessionId: `s-${n % 7}`, data: { name, pad: `${n}`.repeat(60) } })
  say(name)
}
