import { cpSync, readdirSync, rmSync, statSync, truncateSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { startChild } from '../support/child.mjs'
import { contentsOf } from '../support/contents.mjs'
import { alter } from '../support/damage.mjs'

/** @typedef {import('../suite.mjs').Findings} Findings */
/** @typedef {import('../suite.mjs').Setting} Setting */

/** Of each file, unless all is asked for. */
const QUICK_PLACES = 3

/** @typedef {{ path: string, how: string, damage: (path: string) => void }} Case */

/**
 * Damages each file of a log in many places, one at a time, and opens it: then either everything is there, or it is
 * refused, at the latest when what is damaged is read or verified.
 *
 * @param {(path: string) => boolean} of the files to damage
 * @param {{ unnoticed?: (found: Case) => boolean, apart?: boolean, derived?: boolean }} [options] `unnoticed`: damage
 * that is known not to be noticed yet, which the note counts; `apart`: LevelDB may abort the process that reads it;
 * `derived`: what is damaged follows from what is whole, so that all is there and all is answered
 * @returns {(setting: Setting) => Promise<Findings>}
 */
function damaged(of, { unnoticed = () => false, apart = false, derived = false } = {}) {
  return async ({ directory, full }) => {
    const log = join(directory, 'log')
    const child = startChild('grow.mjs', [log])
    await child.ended
    const acknowledged = child.said().filter((line) => line !== 'committed')
    const whole = join(directory, 'whole')
    cpSync(log, whole, { recursive: true })
    const texts = new Map((await contentsOf(whole)).events.map((event) => [event.name, JSON.stringify(event)]))

    /** @type {Findings} */
    const findings = { rounds: 0, faults: 0, acknowledged: 0, lost: 0, duplicated: 0, problems: [] }
    /** @type {Map<string, number>} */
    const outcomes = new Map()
    const paths = filesIn(log).filter(of)
    if (paths.length === 0) findings.problems.push('there is no such file')
    for (const each of paths.flatMap((path) =>
      casesFor(path, statSync(join(log, path)).size, full ? 64 : QUICK_PLACES),
    )) {
      const copy = join(directory, 'copy')
      cpSync(log, copy, { recursive: true })
      each.damage(join(copy, each.path))
      const { outcome, lost, what } = await outcomeOf(
        await read(copy, { apart, answers: derived }),
        acknowledged,
        texts,
      )
      rmSync(copy, { recursive: true })
      findings.rounds++
      findings.faults++
      findings.acknowledged += acknowledged.length
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
      if (outcome === 'not noticed' && !unnoticed(each)) {
        findings.lost += lost
        findings.problems.push(`${each.path}, ${each.how}: ${what}`)
      } else if (outcome === 'wrong' || (derived && outcome !== 'whole' && !unnoticed(each)))
        findings.problems.push(`${each.path}, ${each.how}: ${what}`)
    }
    const note = [...outcomes].map(([outcome, count]) => `${outcome} ${count}`).join(', ')
    return { ...findings, note }
  }
}

/** @typedef {import('../support/contents.mjs').Contents} Contents */
/** @typedef {{ code?: string, message: string, whileReading?: boolean }} Problem */

/**
 * @param {string} directory @param {{ apart: boolean, answers: boolean }} options
 * @returns {Promise<Contents | { problem: Problem } | undefined>}
 */
async function read(directory, { apart, answers }) {
  if (!apart) return await contentsOf(directory, { verify: true, answers }).catch((problem) => ({ problem }))
  const child = startChild('read.mjs', [directory, { answers }])
  await child.ended
  const [line] = child.said()
  return line === undefined ? undefined : JSON.parse(line)
}

/**
 * @param {Contents | { problem: Problem } | undefined} contents
 * @param {readonly string[]} acknowledged @param {ReadonlyMap<string | undefined, string>} texts
 * @returns {{ outcome: string, lost: number, what: string }}
 */
function outcomeOf(contents, acknowledged, texts) {
  if (!contents) return { outcome: 'process aborted by LevelDB', lost: 0, what: '' }
  if ('problem' in contents) {
    const { code, message, whileReading } = contents.problem
    const isKnown = [
      'AUDIT_LOG_CORRUPT',
      'AUDIT_LOG_ROLLED_BACK',
      'AUDIT_READ_FAILED',
      'AUDIT_FORMAT_UNSUPPORTED',
    ].includes(String(code))
    const outcome = !isKnown ? 'wrong' : whileReading ? 'found when read' : 'refused'
    return { outcome, lost: 0, what: `${code} ${message}` }
  }
  const found = new Map(contents.events.map((event) => [event.name, JSON.stringify(event)]))
  const missing = acknowledged.filter((name) => !found.has(name))
  const altered = acknowledged.filter((name) => found.has(name) && found.get(name) !== texts.get(name))
  const what = `opened, ${missing.length} are missing, ${altered.length} are altered`
  const lost = missing.length + altered.length
  if (contents.wrong.length > 0) return { outcome: 'wrong answers', lost, what: contents.wrong.slice(0, 3).join(', ') }
  if ((contents.tampering ?? []).length > 0) return { outcome: 'found by verify', lost: 0, what }
  return { outcome: lost === 0 ? 'whole' : 'not noticed', lost, what }
}

/** @param {string} path @param {number} size @param {number} places @returns {Case[]} */
function casesFor(path, size, places) {
  /** @type {Case[]} */
  const cases = [{ path, how: 'deleted', damage: unlinkSync }]
  for (let place = 0; place < places; place++) {
    const at = Math.min(size - 1, Math.floor(((place + Math.random()) / places) * size))
    if (at < 0) break
    cases.push(
      { path, how: `cut at ${at} of ${size}`, damage: (file) => truncateSync(file, at) },
      { path, how: `bit of byte ${at} of ${size} flipped`, damage: (file) => alter(file, at, 1) },
      { path, how: `4 KiB from ${at} of ${size} zeroed`, damage: (file) => alter(file, at, 4096) },
    )
  }
  return cases
}

/** @param {string} directory */
function filesIn(directory) {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((path) =>
    statSync(join(directory, path)).isFile(),
  )
}

/** @param {RegExp} name @returns {(path: string) => boolean} */
const inEntries = (name) => (path) => path.startsWith('entries') && name.test(path)
/** @param {RegExp} name @returns {(path: string) => boolean} */
const inIndex = (name) => (path) => path.startsWith('index') && name.test(path)

export const scenarios = {
  // What is cut off the end looks like what was not written yet.
  'journal damaged': damaged((path) => path.endsWith('.journal'), { unnoticed: ({ how }) => how.startsWith('cut') }),
  "LevelDB's log of the entries damaged": damaged(inEntries(/\.log$/)),
  'manifest and CURRENT of the entries, and head damaged': damaged(
    (path) => inEntries(/MANIFEST|CURRENT/)(path) || path === 'head',
  ),
  'checkpoint damaged': damaged((path) => path === 'checkpoint'),
  'LOCK and LOG of the entries damaged': damaged(inEntries(/LOCK|LOG/)),
  // LevelDB does not check the checksums of its blocks when it reads them: what it misreads, verify finds.
  'tables of the entries damaged': damaged(inEntries(/\.ldb$/), { apart: true }),
  "LevelDB's log of the index damaged": damaged(inIndex(/\.log$/), { derived: true }),
  'manifest and CURRENT of the index damaged': damaged(inIndex(/MANIFEST|CURRENT/), { derived: true }),
  'LOCK and LOG of the index damaged': damaged(inIndex(/LOCK|LOG/), { derived: true }),
  // As with those of the entries, unless a table is gone or cut.
  'tables of the index damaged': damaged(inIndex(/\.ldb$/), {
    apart: true,
    derived: true,
    unnoticed: ({ how }) => /flipped|zeroed/.test(how),
  }),
}
