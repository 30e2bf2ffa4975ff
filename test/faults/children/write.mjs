import { openAuditLog } from 'spanledger'
import { given, say } from './say.mjs'

// Records a number of events, and closes the log as soon as all of them are committed.

const [directory, count] = given()
let problems = 0
const log = await openAuditLog(directory, { on: { problem: () => problems++ } })
for (let n = 0; n < count; n++) {
  const name = `f:${n}`
  if (log.record({ type: 'custom', data: { name, pad: 'x'.repeat(500) } })) say(name)
  if (n % 200 === 0) await new Promise((resolve) => setImmediate(resolve))
}
while (log.counters().queuedEvents > 0) {
  await log.flush().catch(({ cause }) => say(`failing ${cause.cause?.code ?? cause.message}`))
}
const { dropped } = log.counters()
await log.close()
say(`closed ${JSON.stringify({ dropped, problems })}`)
