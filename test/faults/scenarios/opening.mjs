import { cpSync, existsSync, readFileSync, rmSync } from 'node:fs'
import { startChild } from '../support/child.mjs'
import { compare, contentsOf } from '../support/contents.mjs'
import { countCalls, installStrace, strace } from '../support/strace.mjs'

/** @typedef {import('../suite.mjs').Findings} Findings */
/** @typedef {import('../suite.mjs').Setting} Setting */

/** @typedef {{ call: string, error: string, n: number }} Case */

/** Whatever opening asks of the file system. A system has not all of these. */
const CALLS = [
  ...['openat', 'read', 'pread64', 'getdents64', 'newfstatat', 'statx', 'access', 'readlink', 'mmap', 'fcntl'],
  ...['mkdir', 'link', 'rename', 'unlink', 'rmdir', 'write', 'fsync', 'fdatasync'],
]
const ERRORS = ['EIO', 'EMFILE', 'ENFILE', 'ENOMEM', 'EACCES', 'ENOSPC']
const AT_ONCE = 2
const EVENTS = 240
const PAD_BYTES = 300
/** Unless asked for all, so many faults are picked at random, from each call in turn. */
const QUICK_ROUNDS = 36

/**
 * Lets each call fail once that opening makes after a kill -9, and the merging of tables that begins with it: the log is
 * opened whole, or refused, and opened whole the next time.
 *
 * @param {'journal' | 'flush-only'} durability
 * @returns {(setting: Setting) => Promise<Findings>}
 */
function failEachCallOfOpening(durability) {
  return async ({ directory, full }) => {
    installStrace()
    const left = `${directory}/left`
    const leaving = startChild('leave.mjs', [left, { durability, count: EVENTS, pad: PAD_BYTES }])
    await leaving.ended
    const durable = leaving.said()
    const copyLeft = (/** @type {string} */ to) => {
      cpSync(left, to, { recursive: true })
      return to
    }
    const counts = await countCalls(copyLeft(`${directory}/counted`), CALLS, (log, through) =>
      startChild('reopen.mjs', [log, { durability }], { through }),
    )
    const all = [...counts].flatMap(([call, count]) =>
      ERRORS.flatMap((error) => Array.from({ length: count }, (_, at) => ({ call, error, n: at + 1 }))),
    )
    const cases = full ? all : Array.from({ length: QUICK_ROUNDS }, (_, at) => oneOf(all, CALLS[at % CALLS.length]))
    /** @type {Findings} */
    const findings = { rounds: 0, faults: 0, acknowledged: 0, lost: 0, duplicated: 0, problems: [] }
    if (durable.length < EVENTS) findings.problems.push(`only ${durable.length} events were left: ${leaving.errors()}`)
    let refused = 0
    const waiting = cases.entries()
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        for (const [at, { call, error, n }] of waiting) {
          const log = copyLeft(`${directory}/${at}`)
          const trace = `${log}.trace`
          const child = startChild('reopen.mjs', [log, { durability }], {
            through: strace(log, trace, [`trace=${call}`, `inject=${call}:error=${error}:when=${n}`]),
          })
          await child.ended
          const what = `${call} ${n}, ${error}`
          const said = child.said()
          const refusal = said.find((line) => line.startsWith('refused'))
          if (refusal) refused++
          if (refusal && !refusal.startsWith('refused AUDIT_')) findings.problems.push(`${what}: ${refusal}`)
          const acknowledged = [...durable, ...said.filter((line) => line.startsWith('later:'))]
          if (existsSync(trace) && readFileSync(trace, 'utf8').includes('INJECTED')) findings.faults++
          findings.rounds++
          findings.acknowledged += acknowledged.length
          try {
            const { events, tampering = [] } = await contentsOf(log, { verify: true })
            for (const found of tampering) findings.problems.push(`${what}: verify: ${found}`)
            const names = events.map(({ name }) => name)
            const { lost, duplicated, disordered } = compare(acknowledged, names)
            findings.lost += lost
            findings.duplicated += duplicated
            if (lost + duplicated + disordered > 0) {
              findings.problems.push(`${what}: ${lost} lost, ${duplicated} duplicated, ${disordered} out of order`)
            }
          } catch (problem) {
            findings.problems.push(`${what}, said ${said}: not opened afterwards: ${problem}`)
          }
          rmSync(log, { recursive: true })
          rmSync(trace, { force: true })
        }
      }),
    )
    return { ...findings, note: `${cases.length} of ${all.length} faults, ${refused} refused at first` }
  }
}

/** @param {readonly Case[]} cases @param {string | undefined} call @returns {Case} one of that call, where it is made */
function oneOf(cases, call) {
  const ofCall = cases.filter((each) => each.call === call)
  const from = ofCall.length > 0 ? ofCall : cases
  return /** @type {Case} */ (from[Math.floor(Math.random() * from.length)])
}

export const scenarios = {
  'each call of an opening fails, without a journal': failEachCallOfOpening('flush-only'),
  'each call of an opening fails, with a journal': failEachCallOfOpening('journal'),
}
