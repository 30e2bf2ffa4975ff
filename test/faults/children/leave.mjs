import { openAuditLog } from 'spanledger'
import { given, say } from './say.mjs'

// Leaves a log behind whose process died right after its last flush, with tables to be merged at the next opening and a
// log of LevelDB's. Says each event that is durable.

/** So many tables are merged as soon as the next opening adds one. */
const OPENINGS = 4
const [directory, { durability, count, pad }] = given()
for (let opening = 0; ; opening++) {
  const log = await openAuditLog(directory, { durability })
  const names = Array.from({ length: count / OPENINGS }, (_, n) => `${opening}:${n}`)
  for (let group = 0; group < names.length; group += 8) {
    const flushed = names.slice(group, group + 8)
    for (const name of flushed) log.record({ type: 'custom', runId: `r-${name}`, data: { name, pad: 'x'.repeat(pad) } })
    await log.flush()
    for (const name of flushed) say(name)
  }
  if (opening === OPENINGS - 1) process.kill(process.pid, 'SIGKILL')
  await log.close()
}
