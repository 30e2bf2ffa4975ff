import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { openAuditLog } from 'spanledger'
import { given, say } from './say.mjs'

// Records until the log fails, then until it works again, then closes it. Says what has been recorded, and what it was
// told. On the way it fills the disk itself, if asked to: a small one.

const { directory, ballast, maxQueueBytes, episodes } = given()[0]
let problems = 0
const log = await openAuditLog(directory, { maxQueueBytes, on: { problem: () => problems++ } })
say('opened')
let n = 0

for (let episode = 0; episode < episodes; episode++) {
  if (ballast) fill(join(ballast, 'ballast'))
  await recordUntil(() => log.health().status === 'failing')
  say(`failing ${/** @type {{ code?: string }} */ (log.health().cause).code ?? log.health().cause}`)
  const told = problems
  // An episode is told of once for each of its parts, however many events there are in it.
  for (let more = 0; more < 500; more++) record()
  if (problems - told > 2) say(`wrong: ${problems - told} problems were told for 500 events`)
  const gate = await log.assertWritable().then(
    () => 'open',
    ({ code }) => code,
  )
  if (ballast) rmSync(join(ballast, 'ballast'))
  else say('mend')
  await recordUntil(() => log.health().status === 'ok' && log.counters().queuedEvents === 0)
  await log.assertWritable()
  say(`mended gate=${gate}`)
}
const { dropped, spilledEvents } = log.counters()
await log.close()
say(`closed ${JSON.stringify({ dropped, spilledEvents, problems })}`)

function record() {
  const name = `f:${n++}`
  if (log.record({ type: 'custom', data: { name, pad: 'x'.repeat(1000) } })) say(name)
}

/** @param {() => boolean} condition */
async function recordUntil(condition) {
  while (!condition()) {
    for (let burst = 0; burst < 50; burst++) record()
    await new Promise((resolve) => setTimeout(resolve, 5))
    await log.flush().catch(() => {})
  }
}

/** @param {string} path */
function fill(path) {
  const descriptor = openSync(path, 'w')
  for (let chunk = Buffer.alloc(2 ** 20); chunk.length > 0; ) {
    try {
      if (writeSync(descriptor, chunk) < chunk.length) throw new Error('full')
    } catch {
      chunk = chunk.subarray(0, Math.floor(chunk.length / 2))
    }
  }
  closeSync(descriptor)
}
