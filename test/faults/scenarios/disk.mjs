import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { startChild } from '../support/child.mjs'
import { compare, contentsOf } from '../support/contents.mjs'

/** @typedef {import('../suite.mjs').Findings} Findings */
/** @typedef {import('../suite.mjs').Setting} Setting */
/** @typedef {import('../support/child.mjs').Child} Child */

const NOBODY = 65534
const isRoot = process.getuid?.() === 0

/**
 * Compares what a child said with what is in its log.
 *
 * @param {string} directory @param {Child} child @param {number} faults @returns {Promise<Findings>}
 */
async function findingsOf(directory, child, faults) {
  const { code, signal } = await child.ended
  const said = child.said()
  const problems = said.filter((line) => line.startsWith('wrong'))
  const closed = said.find((line) => line.startsWith('closed '))
  if (!closed) problems.push(`ended with ${signal ?? code}, after '${said.at(-1)}': ${child.errors()}`)
  const acknowledged = said.filter((line) => line.startsWith('f:'))
  const { events } = await contentsOf(directory)
  const { lost, duplicated, disordered } = compare(
    acknowledged,
    events.map(({ name }) => name),
  )
  if (disordered > 0) problems.push(`${disordered} events are out of order`)
  const { dropped = {} } = closed ? JSON.parse(closed.slice('closed '.length)) : {}
  const told = events
    .filter(({ type }) => type === 'events_dropped')
    .reduce((count, { data }) => count + Number(data.count), 0)
  const all = Object.values(dropped).reduce((sum, count) => sum + Number(count), 0)
  if (told !== all) problems.push(`${all} events were dropped, and ${told} told of in the log`)
  const failures = said.filter((line) => line.startsWith('failing ')).map((line) => line.slice('failing '.length))
  const note = `${[...new Set(failures)].join(', ')}; dropped and told: ${all}`
  return { rounds: 1, faults, acknowledged: acknowledged.length, lost, duplicated, problems, note }
}

/**
 * The disk fills up, and has room again.
 *
 * @param {number} maxQueueBytes @returns {(setting: Setting) => Promise<Findings>}
 */
function fullDisk(maxQueueBytes) {
  return async ({ directory }) => {
    const disk = join(directory, 'disk')
    mkdirSync(disk)
    const mount = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=80m', 'tmpfs', disk])
    if (mount.status !== 0) throw new Error(`a tmpfs has to be mounted, which takes root: ${mount.stderr}`)
    try {
      const log = join(disk, 'audit')
      const episodes = 3
      const child = startChild('fill.mjs', [{ directory: log, ballast: disk, maxQueueBytes, episodes }])
      const findings = await findingsOf(log, child, episodes)
      const gates = child.said().filter((line) => line.startsWith('mended '))
      if (gates.some((line) => line !== 'mended gate=AUDIT_WRITE_FAILED')) findings.problems.push(gates.join(', '))
      return findings
    } finally {
      spawnSync('umount', [disk])
    }
  }
}

/**
 * The directories can be read only, and then be written again. Root may write them all the same, so that another user
 * does.
 *
 * @param {Setting} setting @returns {Promise<Findings>}
 */
async function readOnlyDirectory({ directory }) {
  const log = join(directory, 'audit')
  mkdirSync(log)
  chmodSync(directory, 0o755)
  if (isRoot) chownSync(log, NOBODY, NOBODY)
  const child = startChild('fill.mjs', [{ directory: log, maxQueueBytes: 2 ** 20, episodes: 1 }], {
    ...(isRoot ? { uid: NOBODY } : {}),
  })
  await child.until('opened')
  const parts = [log, join(log, 'journal'), join(log, 'entries'), join(log, 'index')]
  for (const path of parts) chmodSync(path, 0o500)
  await child.until('mend')
  for (const path of parts) chmodSync(path, 0o700)
  return await findingsOf(log, child, 1)
}

/** The directory is moved away, and comes back. @param {Setting} setting @returns {Promise<Findings>} */
async function movedDirectory({ directory }) {
  const log = join(directory, 'audit')
  const child = startChild('fill.mjs', [{ directory: log, maxQueueBytes: 2 ** 20, episodes: 1 }])
  await child.until('opened')
  renameSync(log, `${log}-away`)
  await child.until('mend')
  renameSync(`${log}-away`, log)
  return await findingsOf(log, child, 1)
}

/** No file may be larger than 6 MiB. @param {Setting} setting @returns {Promise<Findings>} */
async function limitedFiles({ directory }) {
  const through = ['bash', '-c', 'ulimit -f 6144; exec "$@"', 'bash']
  const child = startChild('write.mjs', [directory, 30_000], { through })
  return await findingsOf(directory, child, 1)
}

export const scenarios = {
  'full disk, three times': fullDisk(64 * 2 ** 20),
  'full disk, three times, small queue': fullDisk(2 ** 17),
  'read-only directories': readOnlyDirectory,
  'directory moved away': movedDirectory,
  'ulimit -f': limitedFiles,
}
