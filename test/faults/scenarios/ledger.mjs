import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { checkLedger, logsOf } from '../support/check-ledger.mjs'
import { startChild } from '../support/child.mjs'

/** @typedef {import('../suite.mjs').Findings} Findings */
/** @typedef {import('../suite.mjs').Setting} Setting */

/** Processes that write at the same time. */
const WRITERS = 4
const LONGEST_LIFE_MILLIS = 900
/** Ends of a process, in turn. */
const ENDS = /** @type {const} */ (['at its first event', 'once', 'after a while', 'in order'])

/**
 * Processes share a ledger, through processors and through logs. They are killed while they record before there is a log,
 * while they open one, and later; their clocks are set; indexes are deleted. Nothing that was acknowledged is lost.
 *
 * @param {Setting} setting @returns {Promise<Findings>}
 */
async function chaos({ directory, full }) {
  const rounds = full ? 60 : 4
  /** @type {Findings} */
  const findings = { rounds, faults: 0, acknowledged: 0, lost: 0, duplicated: 0, problems: [] }
  const ledger = join(directory, 'audit')
  /** @type {string[]} */
  const acknowledged = []
  for (let round = 0; round < rounds; round++) {
    const writers = Array.from({ length: WRITERS }, (_, at) => {
      const by = (at + round) % 3 === 2 ? 'log' : 'processor'
      const life = `${round}-${at}`
      return startChild('chaos.mjs', [{ directory: ledger, life, by, steps: at % 2 === 0 }])
    })
    await Promise.all(
      writers.map(async (writer, at) => {
        const how = ENDS[(at + round) % ENDS.length]
        // Those of processors come before there is a log.
        if (how !== 'once') await writer.until(how === 'at its first event' ? `${round}-${at}:0` : 'opened')
        if (how !== 'at its first event') await setTimeout(Math.random() * LONGEST_LIFE_MILLIS)
        writer.kill(how === 'in order' ? 'SIGTERM' : 'SIGKILL')
        if (how !== 'in order') findings.faults++
        const { code, signal } = await writer.ended
        const said = writer.said()
        acknowledged.push(...said.filter((line) => /^[\d-]+:\d+$/.test(line)))
        findings.problems.push(...said.filter((line) => line.startsWith('problem')))
        if (how === 'in order' ? code !== 0 || !said.includes('closed') : signal !== 'SIGKILL')
          findings.problems.push(`round ${round}: ${how}: ended with ${signal ?? code}: ${writer.errors()}`)
      }),
    )
    const logs = existsSync(ledger) ? logsOf(ledger) : []
    const log = logs[round % logs.length]
    if (round % 2 === 1 && log !== undefined) {
      rmSync(join(log, 'index'), { recursive: true, force: true })
      findings.faults++
    }
  }
  const { lost, duplicated, problems, types, logs } = await checkLedger(ledger, acknowledged)
  for (const type of ['staging_adopted', 'clock_stepped', 'run_interrupted', 'siblings_noted'])
    if (!types.has(type)) problems.push(`no ${type} came of it all`)
  if (logs > 2 * WRITERS) problems.push(`${WRITERS} processes at a time made ${logs} logs`)
  findings.problems.push(...problems)
  return { ...findings, acknowledged: acknowledged.length, lost, duplicated, note: `${logs} logs` }
}

/**
 * Eight processes write to a ledger, and two follow it from the moment when there is one log.
 *
 * @param {Setting} setting @returns {Promise<Findings>}
 */
async function eightWriters({ directory, full }) {
  const count = full ? 20_000 : 500
  const ledger = join(directory, 'audit')
  const start = (/** @type {number} */ at) =>
    startChild('chaos.mjs', [{ directory: ledger, life: `w${at}`, by: at % 2 === 0 ? 'log' : 'processor', count }])
  const first = start(0)
  await first.until('w0:0')
  const readers = [0, 1].map(() => startChild('follow.mjs', [{ directory: ledger, count: 8 * count }]))
  await Promise.all(readers.map((reader) => reader.until('following')))
  const writers = [first, ...[1, 2, 3, 4, 5, 6, 7].map(start)]
  /** @type {string[]} */
  const problems = []
  for (const writer of writers) {
    const { code, signal } = await writer.ended
    if (code !== 0 || writer.errors() !== '') problems.push(`a writer ended with ${signal ?? code}: ${writer.errors()}`)
  }
  const acknowledged = writers.flatMap((writer) => writer.said().filter((line) => line.includes(':')))
  for (const reader of readers) {
    const { code, signal } = await reader.ended
    if (code !== 0) problems.push(`a reader ended with ${signal ?? code}: ${reader.errors()}`)
    problems.push(...reader.said().filter((line) => line !== 'following'))
  }
  const checked = await checkLedger(ledger, acknowledged)
  if (checked.logs > writers.length) problems.push(`${writers.length} writers made ${checked.logs} logs`)
  return {
    rounds: 1,
    faults: 0,
    acknowledged: acknowledged.length,
    lost: checked.lost,
    duplicated: checked.duplicated,
    problems: [...problems, ...checked.problems],
    note: `${checked.logs} logs`,
  }
}

export const scenarios = {
  'a ledger of processes that die': chaos,
  'eight writers and two readers of a ledger': eightWriters,
}
