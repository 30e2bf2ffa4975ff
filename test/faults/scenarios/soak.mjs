import { openAuditLog } from 'spanledger'
import { startChild } from '../support/child.mjs'

/** @typedef {import('../suite.mjs').Findings} Findings */
/** @typedef {import('../suite.mjs').Setting} Setting */

const MIB = 2 ** 20
const SAMPLES = 40
const MOST_GROWTH_BYTES = 48 * MIB
const MOST_BYTES = 256 * MIB

/**
 * @param {{ count: number, countInFull: number, burst: number, askEvery: number }} load `burst`: events recorded in one
 * go, while nothing can be committed
 * @returns {(setting: Setting) => Promise<Findings>}
 */
function soak({ countInFull, ...load }) {
  return async ({ directory, full }) => {
    const count = full ? countInFull : load.count
    const child = startChild('soak.mjs', [{ ...load, directory, count, samples: SAMPLES }])
    const { code, signal } = await child.ended
    const said = child.said()
    const problems = said.filter((line) => line.startsWith('wrong'))
    const result = said.find((line) => line.startsWith('recorded '))
    if (!result) problems.push(`ended with ${signal ?? code}: ${child.errors()}`)
    const sizes = said.filter((line) => line.startsWith('rss ')).map((line) => Number(line.slice('rss '.length)))
    const early = Math.max(...sizes.slice(0, SAMPLES / 2))
    const late = Math.max(...sizes.slice(SAMPLES / 2))
    if (late - early > MOST_GROWTH_BYTES) problems.push(`RSS grew from ${early} to ${late} bytes`)
    const most = Math.max(early, late)
    if (most > MOST_BYTES) problems.push(`RSS was ${most} bytes`)
    const { recorded = 0, dropped = {}, spilled = 0 } = result ? JSON.parse(result.slice('recorded '.length)) : {}
    if (Object.keys(dropped).length > 0) problems.push(`dropped: ${JSON.stringify(dropped)}`)

    const start = performance.now()
    const log = await openAuditLog(directory)
    const openMillis = performance.now() - start
    const { size } = await log.head()
    for (let probe = 0; probe < 1000; probe++) {
      const seq = Math.floor(Math.random() * size)
      const event = await log.get(seq)
      if (/** @type {{ name?: string }} */ (event?.data)?.name !== `k:${seq}`) problems.push(`event ${seq} is another`)
    }
    await log.close()
    return {
      rounds: 1,
      faults: 0,
      acknowledged: recorded,
      lost: Math.max(0, count - size),
      duplicated: Math.max(0, size - count),
      problems,
      note: `RSS ${Math.round(early / MIB)} MiB in the first half, ${Math.round(late / MIB)} MiB in the second; up to ${spilled} events waited in the journal alone; opened in ${Math.round(openMillis)} ms after kill -9`,
    }
  }
}

export const scenarios = {
  'soak, with queries': soak({ count: 200_000, countInFull: 10_000_000, burst: 2_000, askEvery: 20_000 }),
  'recording faster than the disk': soak({ count: 400_000, countInFull: 5_000_000, burst: 100_000, askEvery: 1e9 }),
}
