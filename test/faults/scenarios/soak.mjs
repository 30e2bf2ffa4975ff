import { openAuditLog } from 'spanledger'
import { startChild } from '../support/child.mjs'

/** @typedef {import('../suite.mjs').Findings} Findings */
/** @typedef {import('../suite.mjs').Setting} Setting */

const MIB = 2 ** 20
const SAMPLES = 40
/** Of the memory that is kept: when garbage is collected says nothing of the log. */
const MOST_GROWTH_BYTES = 16 * MIB
/** Without the tables that LevelDB maps, and without Node.js. */
const MOST_BYTES = 224 * MIB

/**
 * @param {{ count: number, countInFull: number, burst: number, askEvery: number }} load `burst`: events recorded in one
 * go, while nothing can be committed
 * @returns {(setting: Setting) => Promise<Findings>}
 */
function soak({ countInFull, ...load }) {
  return async ({ directory, full }) => {
    const count = full ? countInFull : load.count
    const child = startChild('soak.mjs', [{ ...load, directory, count, samples: SAMPLES }], { node: ['--expose-gc'] })
    const { code, signal } = await child.ended
    const said = child.said()
    const problems = said.filter((line) => line.startsWith('wrong'))
    const result = said.find((line) => line.startsWith('recorded '))
    if (!result) problems.push(`ended with ${signal ?? code}: ${child.errors()}`)
    /** @type {Sizes[]} */
    const sizes = said
      .filter((line) => line.startsWith('memory '))
      .map((line) => JSON.parse(line.slice('memory '.length)))
    const early = mostOf(sizes.slice(0, SAMPLES / 2))
    const late = mostOf(sizes.slice(SAMPLES / 2))
    if (late.kept - early.kept > MOST_GROWTH_BYTES)
      problems.push(`memory grew from ${early.kept} to ${late.kept} bytes`)
    const most = mostOf([early, late])
    if (most.own > MOST_BYTES) problems.push(`${most.own} bytes of memory were in use`)
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
      note: `${inMiB(early.kept)} of memory kept in the first half, ${inMiB(late.kept)} in the second, ${inMiB(most.own)} with garbage, with mapped files ${inMiB(most.rss)}; up to ${spilled} events waited in the journal alone; opened in ${Math.round(openMillis)} ms after kill -9`,
    }
  }
}

/** @typedef {{ rss: number, own: number, kept: number }} Sizes */

/**
 * @param {readonly Sizes[]} sizes
 * @returns {Sizes}
 */
function mostOf(sizes) {
  const most = (/** @type {keyof Sizes} */ size) => Math.max(...sizes.map((all) => all[size]))
  return { rss: most('rss'), own: most('own'), kept: most('kept') }
}

/** @param {number} bytes */
function inMiB(bytes) {
  return `${Math.round(bytes / MIB)} MiB`
}

export const scenarios = {
  'soak, with queries': soak({ count: 200_000, countInFull: 10_000_000, burst: 2_000, askEvery: 20_000 }),
  'recording faster than the disk': soak({ count: 400_000, countInFull: 5_000_000, burst: 100_000, askEvery: 1e9 }),
}
