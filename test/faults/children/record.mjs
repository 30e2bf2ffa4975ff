import { openAuditLog } from 'spanledger'
import { given, say } from './say.mjs'

// Records as fast as it can, in several flows at once, until it is killed. Says each event whose call has returned.

const [directory, flows, runId] = given()
const log = await openAuditLog(directory, { on: { problem: () => {} } })
log.record({ type: 'run_started', runId, data: { agent: { name: 'faults' } } })
say('ready')
await Promise.all(Array.from({ length: flows }, (_, flow) => record(flow)))

/** @param {number} flow */
async function record(flow) {
  for (let n = 0; ; n++) {
    const name = `${runId}/${flow}:${n}`
    const pad = 'x'.repeat((n * 37) % 400)
    if (n % 97 === 96) await log.append({ type: 'custom', runId, data: { name, pad } })
    else log.record({ type: 'custom', runId, data: { name, pad } })
    say(name)
    if (n % 13 === flow) await new Promise((resolve) => setImmediate(resolve))
    if (n % 401 === 400) await log.flush()
  }
}
