import { readFileSync, rmSync } from 'node:fs'
import { startChild } from '../support/child.mjs'
import { compare, contentsOf } from '../support/contents.mjs'
import { countCalls, installStrace, strace } from '../support/strace.mjs'

/** @typedef {import('../suite.mjs').Findings} Findings */
/** @typedef {import('../suite.mjs').Setting} Setting */

const CALLS = ['openat', 'write', 'pwrite64', 'fdatasync', 'fsync', 'rename', 'unlink', 'mkdir']
const FAULTS = {
  EIO: 'error=EIO',
  ENOSPC: 'error=ENOSPC',
  SIGKILL: 'signal=SIGKILL',
  'EIO from then on': 'error=EIO',
}
/** Unless asked for all, each combination of a call and a fault is tried at every so many calls. */
const STRIDE = 9
const AT_ONCE = 2

/**
 * Lets every call fail that works on the files of a log, one at a time, by strace: the n-th of its kind in each thread.
 *
 * @param {Setting} setting @returns {Promise<Findings>}
 */
async function failEachCall({ directory, full }) {
  installStrace()
  const counts = await countCalls(`${directory}/counted`, CALLS, (log, through) =>
    startChild('workload.mjs', [log], { through }),
  )
  const cases = [...counts].flatMap(([call, count]) =>
    Object.keys(FAULTS).flatMap((fault) => {
      const first = full ? 1 : 1 + Math.floor(Math.random() * Math.min(STRIDE, count))
      const stride = full ? 1 : STRIDE
      return Array.from({ length: Math.ceil((count - first + 1) / stride) }, (_, at) => ({
        call,
        fault,
        n: first + at * stride,
      }))
    }),
  )
  /** @type {Findings} */
  const findings = { rounds: 0, faults: 0, acknowledged: 0, lost: 0, duplicated: 0, problems: [] }
  let refused = 0
  const waiting = cases.entries()
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const [at, { call, fault, n }] of waiting) {
        const found = await failCall(`${directory}/${at}`, call, /** @type {keyof typeof FAULTS} */ (fault), n)
        findings.rounds++
        findings.faults += found.faults
        findings.acknowledged += found.acknowledged
        findings.lost += found.lost
        findings.duplicated += found.duplicated
        refused += found.refused
        for (const problem of found.problems) findings.problems.push(`${call} ${n}, ${fault}: ${problem}`)
        rmSync(`${directory}/${at}`, { recursive: true, force: true })
      }
    }),
  )
  const all = [...counts.values()].reduce((sum, count) => sum + count, 0) * Object.keys(FAULTS).length
  return { ...findings, note: `${cases.length} of ${all} faults${refused > 0 ? `, ${refused} refused` : ''}` }
}

/**
 * @param {string} directory @param {string} call @param {keyof typeof FAULTS} fault @param {number} n
 * @returns {Promise<Findings & { refused: number }>}
 */
async function failCall(directory, call, fault, n) {
  const when = fault === 'EIO from then on' ? `${n}+` : n
  const trace = `${directory}.trace`
  const child = startChild('workload.mjs', [directory], {
    through: strace(directory, trace, [`trace=${call}`, `inject=${call}:${FAULTS[fault]}:when=${when}`]),
  })
  await child.ended
  const said = child.said()
  const acknowledged = [
    ...new Set(said.filter((line) => /^(recorded|durable) /.test(line)).map((line) => line.split(' ')[1] ?? '')),
  ]
  const traced = readFileSync(trace, 'utf8')
  rmSync(trace)
  const injected = fault === 'SIGKILL' ? traced.includes('killed by SIGKILL') : traced.includes('INJECTED')
  const findings = {
    rounds: 1,
    faults: injected ? 1 : 0,
    acknowledged: acknowledged.length,
    lost: 0,
    duplicated: 0,
    refused: 0,
    problems: /** @type {string[]} */ ([]),
  }
  try {
    const { events, tampering = [] } = await contentsOf(directory, { verify: true })
    for (const found of tampering) findings.problems.push(`verify: ${found}`)
    const names = events.map(({ name }) => name)
    const { lost, duplicated, disordered } = compare(acknowledged, names)
    if (disordered > 0) findings.problems.push(`${disordered} events are out of order`)
    if (lost + duplicated > 0) findings.problems.push(`said: ${said.join(', ')}; there: ${names.join(', ')}`)
    return { ...findings, lost, duplicated }
  } catch (problem) {
    // A refusal loses nothing silently; but of these faults none damages what is there.
    findings.problems.push(`refused: ${problem}`)
    return { ...findings, refused: 1 }
  }
}

export const scenarios = { 'each file system call fails': failEachCall }
