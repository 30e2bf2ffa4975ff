import { openAuditLog } from 'spanledger'
import { given, say } from './say.mjs'

// Commits groups of random sizes of events that are found by runs, sessions, tenants, types, times and ids, until it has
// so many. Says each event that is durable. Every tenth run does not end. What fails is tried again.

const {
  directory,
  life,
  count,
  most,
  ending = 'close',
  pauseMillis = 0,
  ids = true,
  isIndexAwaited = false,
} = given()[0]
const START = Date.parse('2026-01-01T00:00:00Z')
const RUN_LENGTH = 12
const ATTEMPTS = 20

const log = await openAuditLog(directory, { on: { problem: () => {} } })
say('opened')
// A read by the index waits until all of it is derived.
if (isIndexAwaited) {
  await log.events({ type: 'run_started' }).count()
  say('indexed')
}
for (let n = 0; n < count; ) {
  const end = Math.min(count, n + 1 + Math.floor(Math.random() ** 3 * most))
  /** @type {string[]} */
  const names = []
  /** @type {any[]} */
  const appended = []
  for (; n < end; n++) {
    const event = eventOf(n)
    names.push(`${life}:${n}`)
    // An append asks for ids; a record does not.
    if (ids && n % 40 === 5) appended.push({ ...event, id: `${life}:${n}` })
    else log.record(event)
  }
  await Promise.all([...appended.map((event) => again(() => log.append(event))), again(() => log.flush())])
  for (const name of names) say(name)
  if (pauseMillis > 0) await new Promise((resolve) => setTimeout(resolve, Math.random() * pauseMillis))
}
const { status, index } = log.health()
say(`health ${status}, index ${index}`)
if (ending === 'kill') process.kill(process.pid, 'SIGKILL')
await log.close()
say('closed')

/** @param {() => Promise<unknown>} act */
async function again(act) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await act()
    } catch (problem) {
      if (attempt === ATTEMPTS) throw problem
    }
  }
}

/** @param {number} n @returns {any} */
function eventOf(n) {
  const run = Math.floor(n / RUN_LENGTH)
  // Every so often one comes late.
  const time = new Date(START + n * 40 - (n % 91 === 0 ? 60_000 : 0)).toISOString()
  const filed = { runId: `${life}-${run}`, tenantId: `t-${run % 3}`, sessionId: `s-${run % 17}`, time }
  if (n % RUN_LENGTH === 0) {
    return { ...filed, type: 'run_started', data: { agent: { name: `${life}:${n}` } } }
  }
  if (n % RUN_LENGTH === RUN_LENGTH - 1 && run % 10 !== 9) {
    return { ...filed, type: 'run_completed', data: { durationMs: 1 } }
  }
  return { ...filed, type: 'custom', data: { name: `${life}:${n}`, pad: 'x'.repeat((n * 37) % 300) } }
}
