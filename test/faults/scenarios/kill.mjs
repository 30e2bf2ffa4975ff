import { setTimeout } from 'node:timers/promises'
import { startChild } from '../support/child.mjs'
import { compare, contentsOf } from '../support/contents.mjs'

/** @typedef {import('../suite.mjs').Findings} Findings */
/** @typedef {import('../suite.mjs').Setting} Setting */

/** A new log begins after so many rounds: one that has grown, and one that is new. */
const ROUNDS_PER_LOG = 25
const LONGEST_LIFE_MILLIS = 80
/** Every so many rounds the one that is killed has to recover first, and then is killed while it does. */
const REPEATED_DEATH_EVERY = 8

/** @param {Setting} setting @returns {Promise<Findings>} */
async function killAtRandomMoments({ directory, full }) {
  const rounds = full ? 1000 : 100
  const halves = await Promise.all(
    [rounds / 2, rounds / 2].map((count, half) => killRounds(`${directory}/${half}`, count)),
  )
  return halves.reduce((all, half) => ({
    rounds: all.rounds + half.rounds,
    faults: all.faults + half.faults,
    acknowledged: all.acknowledged + half.acknowledged,
    lost: all.lost + half.lost,
    duplicated: all.duplicated + half.duplicated,
    problems: [...all.problems, ...half.problems],
  }))
}

/** @param {string} directory @param {number} rounds @returns {Promise<Findings>} */
async function killRounds(directory, rounds) {
  /** @type {Findings} */
  const findings = { rounds, faults: 0, acknowledged: 0, lost: 0, duplicated: 0, problems: [] }
  let after = -1
  for (let round = 0; round < rounds; round++) {
    if (round % ROUNDS_PER_LOG === 0) after = -1
    const log = `${directory}-${Math.floor(round / ROUNDS_PER_LOG)}`
    /** @type {string[]} */
    const acknowledged = []
    /** @type {string[]} */
    const runs = []
    const deaths = round % REPEATED_DEATH_EVERY === 1 ? 3 : 1
    for (let death = 0; death < deaths; death++) {
      const runId = `r${round}-${death}`
      const child = startChild('record.mjs', [log, 1 + (round % 4), runId])
      if (death < 2) await child.until('ready')
      await setTimeout(Math.random() * LONGEST_LIFE_MILLIS)
      child.kill('SIGKILL')
      const { signal, code } = await child.ended
      findings.faults++
      if (signal !== 'SIGKILL') findings.problems.push(`round ${round}: ended with ${code}: ${child.errors()}`)
      const said = child.said()
      if (said.includes('ready')) runs.push(runId)
      acknowledged.push(...said.filter((line) => line !== 'ready'))
    }
    try {
      const { events, size } = await contentsOf(log, { after })
      after = size - 1
      const { lost, duplicated, disordered } = compare(
        acknowledged,
        events.map(({ name }) => name),
      )
      findings.acknowledged += acknowledged.length
      findings.lost += lost
      findings.duplicated += duplicated
      if (disordered > 0) findings.problems.push(`round ${round}: ${disordered} events are out of order`)
      for (const runId of runs) {
        const marks = events.filter((event) => event.runId === runId && event.type === 'run_interrupted')
        if (marks.length !== 1) findings.problems.push(`round ${round}: run ${runId} was marked ${marks.length} times`)
      }
    } catch (problem) {
      findings.problems.push(`round ${round}: ${problem}`)
    }
  }
  return findings
}

export const scenarios = { 'kill -9 at random moments': killAtRandomMoments }
