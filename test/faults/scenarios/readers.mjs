import { setTimeout } from 'node:timers/promises'
import { checkLog } from '../support/check-log.mjs'
import { startChild } from '../support/child.mjs'

/** @typedef {import('../suite.mjs').Findings} Findings */
/** @typedef {import('../suite.mjs').Setting} Setting */

/** A new log begins when the writer has died so often: a scan of all entries takes as long as there are many. */
const LIVES = 3
const COUNT = 10_000
const MOST = 1000

/**
 * A process commits groups of 1 to 1,000 events, and is killed at random moments. Others read: each snapshot that they
 * take answers by the index what a scan of its entries gives.
 *
 * @param {Setting} setting @returns {Promise<Findings>}
 */
async function readWhileWritten({ directory, full }) {
  /** @type {Findings} */
  const findings = { rounds: 0, faults: 0, acknowledged: 0, lost: 0, duplicated: 0, problems: [] }
  let snapshots = 0
  for (let round = 0; round < (full ? 40 : 2); round++) {
    const log = `${directory}/${round}`
    /** @type {string[]} */
    const acknowledged = []
    /** @type {import('../support/child.mjs').Child | undefined} */
    let reader
    for (let life = 0; life < LIVES; life++) {
      const work = { directory: log, life: `w${life}`, count: COUNT, most: MOST, pauseMillis: 60 }
      const writer = startChild('commit.mjs', [work])
      await writer.until('opened')
      if (!reader) {
        reader = startChild('compare.mjs', [{ directory: log, samples: 1 }])
        await reader.until('comparing')
      }
      if (life < LIVES - 1) {
        await Promise.race([setTimeout(1000 + Math.random() * 4000), writer.ended])
        writer.kill('SIGKILL')
        findings.faults++
      }
      const { code } = await writer.ended
      if (life === LIVES - 1 && code !== 0) findings.problems.push(`the writer ended with ${code}: ${writer.errors()}`)
      acknowledged.push(...writer.said().filter((line) => line.includes(':')))
    }
    reader?.kill('SIGTERM')
    await reader?.ended
    const said = reader?.said() ?? []
    findings.problems.push(...said.filter((line) => line.startsWith('wrong')).slice(0, 10))
    const [, compared = '0'] = said.at(-1)?.split('compared ') ?? []
    snapshots += Number(compared)
    if (Number(compared) === 0) findings.problems.push(`the reader compared nothing: ${reader?.errors()}`)
    const { lost, duplicated, problems } = await checkLog(log, acknowledged)
    findings.rounds++
    findings.acknowledged += acknowledged.length
    findings.lost += lost
    findings.duplicated += duplicated
    findings.problems.push(...problems)
  }
  return { ...findings, note: `${snapshots} snapshots compared` }
}

export const scenarios = { 'a reader beside a writer under load': readWhileWritten }
