import { openAuditLog } from 'spanledger'
import { given, say } from './say.mjs'

// Records a few events in each of so many turns of the event loop. Says each event whose call has returned, and at the end how
// long each turn took, and how the window of the journal did.

const [directory, durability, turns, eventsOfEach] = given()
const log = await openAuditLog(directory, { durability })
/** @type {number[]} */
const millis = []
for (let turn = 0; turn < turns; turn++) {
  const start = performance.now()
  for (let n = 0; n < eventsOfEach; n++) {
    const name = `${turn}:${n}`
    log.record({ type: 'custom', data: { name } })
    say(name)
  }
  await new Promise((resolve) => setImmediate(resolve))
  millis.push(performance.now() - start)
}
const { journalWindow: window } = log.counters()
await log.close()
say(`turns ${JSON.stringify({ millis, window })}`)
