import { openAuditLog } from 'spanledger'
import { given, say } from './say.mjs'

// Records errors with messages, some with ids of their own, one behind the other, and says each whose call has returned, until it is
// killed.

const [directory, durability, life] = given()
const log = await openAuditLog(directory, { durability, on: { problem: () => {} } })
say('ready')
for (let n = 0; ; n++) {
  const name = `${life}:${n}`
  const event = {
    type: /** @type {const} */ ('error_occurred'),
    actor: { id: `u-${n % 5}` },
    data: { operation: name, error: { code: 'E', message: `message ${name} ${'x'.repeat((n * 97) % 4000)}` } },
  }
  if (n % 9 === 8) {
    await log.append({ ...event, id: name })
    say(`durable ${name}`)
  } else if (log.record(event)) say(`recorded ${name}`)
  if (n % 5 === 4) await new Promise((resolve) => setImmediate(resolve))
}
