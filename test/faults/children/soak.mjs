import { readFileSync } from 'node:fs'
import { openAuditLog } from 'spanledger'
import { given, say } from './say.mjs'

// Records a great many events, faster than they can be committed, asks random questions in between, and says every now
// and then how much memory the process has.

const { directory, count, samples, burst, askEvery } = given()[0]
const log = await openAuditLog(directory)
const SESSIONS = 500
let spilled = 0

for (let n = 0; n < count; n++) {
  log.record({
    type: 'custom',
    tenantId: `tenant-${n % 5}`,
    sessionId: `session-${n % SESSIONS}`,
    runId: `run-${Math.floor(n / 20)}`,
    data: { name: `k:${n}`, pad: 'x'.repeat(100) },
  })
  if (n % burst === burst - 1) await new Promise((resolve) => setImmediate(resolve))
  if (n % askEvery === askEvery - 1) await ask()
  if (n % Math.floor(count / samples) === 0) {
    spilled = Math.max(spilled, log.counters().spilledEvents)
    say(`memory ${JSON.stringify(memory())}`)
  }
}
const { dropped, recorded } = log.counters()
await log.flush()
say(`recorded ${JSON.stringify({ dropped, recorded, spilled })}`)
process.kill(process.pid, 'SIGKILL')

/**
 * Bytes: all that is resident; without the pages of files that are mapped, which the system takes back at need; and what of
 * these is kept once the garbage is collected.
 */
function memory() {
  const rss = process.memoryUsage.rss()
  const own = ownBytes() ?? rss
  globalThis.gc?.()
  return { rss, own, kept: ownBytes() ?? process.memoryUsage.rss() }
}

function ownBytes() {
  if (process.platform !== 'linux') return undefined
  const [, kibibytes] = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'latin1')) ?? []
  return Number(kibibytes) * 1024
}

/** What a reader sees of what is committed; the queue is not waited for. */
async function ask() {
  const sessionId = `session-${Math.floor(Math.random() * SESSIONS)}`
  const events = await log.events({ sessionId, order: 'desc', limit: 20 }).toArray()
  if (events.some((event) => event.sessionId !== sessionId)) say('wrong: an event of another session')
  const count = await log.events({ sessionId }).count()
  if (count < events.length) say(`wrong: ${count} events of ${sessionId}, but ${events.length} were read`)
}
