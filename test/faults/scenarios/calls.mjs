import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { startChild } from '../support/child.mjs'
import { compare, contentsOf } from '../support/contents.mjs'

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
  const counts = await countCalls(`${directory}/counted`)
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

/** @param {string} directory @returns {Promise<Map<string, number>>} the most calls that one thread makes, by name */
async function countCalls(directory) {
  const trace = `${directory}.trace`
  await startChild('workload.mjs', [directory], { through: strace(directory, trace, [`trace=${CALLS}`]) }).ended
  const counts = new Map()
  for (const [, thread, call] of readFileSync(trace, 'utf8').matchAll(/^(\d+) +(\w+)\(/gm)) {
    const key = `${thread} ${call}`
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return new Map(
    CALLS.map((call) => [
      call,
      Math.max(0, ...[...counts].filter(([key]) => key.endsWith(` ${call}`)).map(([, n]) => n)),
    ]),
  )
}

/** @param {string} directory @param {string} output @param {readonly string[]} expressions */
function strace(directory, output, expressions) {
  const numbers = Array.from({ length: 24 }, (_, n) => String(n + 1).padStart(6, '0'))
  const files = numbers.flatMap((n) => [
    `journal/${n}.journal`,
    ...['log', 'ldb', 'dbtmp'].map((extension) => `db/${n}.${extension}`),
    `db/MANIFEST-${n}`,
  ])
  const keys = ['/keys', '/keys/signing.key', '/keys/signing.vkey']
  const paths = [
    '',
    '/head',
    '/checkpoint',
    '/checkpoint.next',
    ...keys,
    '/journal',
    '/db',
    '/db/CURRENT',
    '/db/LOCK',
    '/db/LOG',
    '/db/LOG.old',
    '/db/room.probe',
    '/db/WRITER',
  ]
  return [
    // One thread for file work, so that its calls come in the same order each time.
    ...['env', 'UV_THREADPOOL_SIZE=1', 'strace', '-f', '-qq', '-o', output],
    ...[...paths, ...files.map((file) => `/${file}`)].flatMap((path) => ['-P', directory + path]),
    ...expressions.flatMap((expression) => ['-e', expression]),
  ]
}

function installStrace() {
  if (spawnSync('strace', ['-V']).status === 0) return
  console.log('Installing strace, a Debian package')
  spawnSync('apt-get', ['update', '-qq'], { stdio: 'inherit' })
  if (spawnSync('apt-get', ['install', '-qq', '-y', 'strace'], { stdio: 'inherit' }).status !== 0) {
    throw new Error('strace is needed to inject faults, and could not be installed: install it, or run as root')
  }
}

export const scenarios = { 'each file system call fails': failEachCall }
