import { openAuditLog } from 'spanledger'
import { given, say } from './say.mjs'

// The same small workload each time: two openings of one log, records, appends and flushes. Goes on whatever fails, and
// says what had been promised: `recorded` with the journal at work, `durable` by a flush or an append.

const [directory] = given()
/** @type {string[]} */
let recorded = []

for (const session of ['a', 'b']) {
  try {
    const log = await openAuditLog(directory, { on: { problem: () => {} } })
    try {
      await work(log, session)
    } finally {
      await log.close()
      say(`closed`)
    }
  } catch (problem) {
    const { code, message } = /** @type {{ code?: string, message: string }} */ (problem)
    say(`failed ${code ?? message}`)
  }
}

/** @param {import('spanledger').AuditLog} log @param {string} session */
async function work(log, session) {
  for (let n = 0; n < 24; n++) {
    const name = `${session}:${n}`
    const data = { name, pad: 'x'.repeat(n * 20) }
    if (n % 8 === 5) {
      try {
        await log.append({ type: 'custom', data })
        say(`durable ${name}`)
      } catch {}
    } else {
      log.record({ type: 'custom', data })
      recorded.push(name)
      if (log.health().journal === 'ok') say(`recorded ${name}`)
    }
    if (n % 6 !== 3) continue
    try {
      const flushed = recorded
      recorded = []
      await log.flush()
      for (const each of flushed) say(`durable ${each}`)
    } catch {}
  }
}
