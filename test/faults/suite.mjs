import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { table } from './support/table.mjs'

/**
 * What a scenario found.
 *
 * @typedef {object} Findings
 * @property {number} rounds
 * @property {number} faults that were injected
 * @property {number} acknowledged events whose recording call had returned
 * @property {number} lost of these, the events that are not there, where nothing says so
 * @property {number} duplicated
 * @property {string[]} problems whatever else should not have been
 * @property {string} [note]
 */
/**
 * What a scenario gets: an empty directory of its own, and whether to take all the time it needs.
 *
 * @typedef {{ directory: string, full: boolean }} Setting
 */

const NAMES = [
  'exits',
  'kill',
  'content',
  'writers',
  'ledger',
  'disk',
  'calls',
  'opening',
  'damage',
  'index',
  'readers',
  'slow',
  'soak',
]
const asked = process.argv.slice(2)
for (const name of asked) {
  if (!NAMES.includes(name)) throw new Error(`there is no scenario '${name}', only ${NAMES.join(', ')}`)
}

const full = process.env.SPANLEDGER_FAULTS === 'full'
/** @type {[string, Findings, number][]} */
const rows = []
for (const name of asked.length > 0 ? asked : NAMES) {
  /** @type {{ scenarios: Record<string, (setting: Setting) => Promise<Findings>> }} */
  const { scenarios } = await import(`./scenarios/${name}.mjs`)
  for (const [title, run] of Object.entries(scenarios)) {
    const directory = mkdtempSync(join(tmpdir(), 'spanledger-fault-'))
    const start = performance.now()
    try {
      const findings = await run({ directory, full })
      rows.push([title, findings, performance.now() - start])
      for (const problem of findings.problems) console.log(`${title}: ${problem}`)
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  }
}

console.log(table(rows))
const failed = rows.filter(([, { lost, duplicated, problems }]) => lost + duplicated + problems.length > 0)
if (failed.length > 0) {
  console.log(`\n${failed.length} of ${rows.length} scenarios failed: ${failed.map(([title]) => title).join('; ')}`)
  process.exitCode = 1
} else console.log(`\n${rows.length} scenarios passed`)
