import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { openAuditLog, openAuditLogReader } from 'spanledger'
import { wrongAnswers } from './answers.mjs'
import { compare } from './contents.mjs'

const CLI = fileURLToPath(new URL('./cli/index.js', import.meta.resolve('spanledger')))

/**
 * Reads a log from outside, then opens it, reads it and closes it, then reads it from outside again: everything is there,
 * and all that it answers by its index is so.
 *
 * @param {string} directory
 * @param {readonly string[]} acknowledged names of events that must be there
 * @param {{ cli?: boolean, ids?: boolean }} [options] `cli`: the command line is asked too, which takes longer; `ids`: some
 * of them were appended with ids
 * @returns {Promise<{ lost: number, duplicated: number, problems: string[] }>}
 */
export async function checkLog(directory, acknowledged, { cli = false, ids: hasIds = true } = {}) {
  const before = await checkFromOutside(directory, cli)
  await settle(directory)
  const log = await openAuditLog(directory, { on: { problem: () => {} } })
  const problems = [...before.problems]
  try {
    /** @type {(string | undefined)[]} */
    const names = []
    /** @type {{ seq: number, event: any }[]} */
    const ids = []
    for await (const { seq, id, type, time, runId, tenantId, sessionId, data } of log.events()) {
      const { name, agent } = /** @type {any} */ (data)
      // The ends of runs have no name of their own, and each run has one.
      const ofRun = type.startsWith('run_') ? `end-${tenantId}-${runId}:0` : undefined
      names.push(name ?? agent?.name ?? ofRun)
      if (id === name) ids.push({ seq, event: { id, type, time, runId, tenantId, sessionId, data } })
    }
    const { lost, duplicated } = compare(
      acknowledged.filter((name) => Number(name.split(':')[1]) % RUN_LENGTH !== RUN_LENGTH - 1),
      names,
    )
    problems.push(...(await wrongAnswers(log)))
    const { size } = await log.head()
    for (const { seq, event } of ids.slice(-3).concat(ids.slice(0, 3))) {
      const again = await log.append(event)
      if (again.seq !== seq) problems.push(`the id of entry ${seq} was taken for one of ${again.seq}`)
    }
    if (hasIds && ids.length === 0 && acknowledged.length > RUN_LENGTH) problems.push('there are no ids of callers')
    const { size: unchanged } = await log.head()
    if (unchanged !== size) problems.push(`${unchanged - size} events were stored twice`)
    await log.close()
    const after = await checkFromOutside(directory, false)
    return { lost, duplicated, problems: [...problems, ...after.problems] }
  } finally {
    await log.close()
  }
}

/**
 * Opens a log until its index is up to date. Runs that were interrupted are on record as such once it is, or else when the log
 * is opened the next time.
 *
 * @param {string} directory
 */
async function settle(directory) {
  const log = await openAuditLog(directory, { on: { problem: () => {} } })
  await log.events({ type: 'custom' }).count()
  await log.close()
}

/** Events of one run, the last of which ends it: see `children/commit.mjs`. */
const RUN_LENGTH = 12

/**
 * @param {string} directory @param {boolean} cli
 * @returns {Promise<{ problems: string[] }>}
 */
async function checkFromOutside(directory, cli) {
  const reader = await openAuditLogReader(directory, { refreshMillis: 3_600_000 })
  try {
    const problems = await wrongAnswers(reader)
    if (cli) {
      const running = await reader.runs({ status: 'running' }).toArray()
      const custom = await reader.events({ type: 'custom' }).count()
      /** @type {readonly (readonly [readonly string[], string])[]} */
      const asked = [
        [['query', '--type', 'custom', '--count'], String(custom)],
        [
          ['runs', '--status', 'running', '--limit', '100000', '--jsonl'],
          running
            .map(({ runId }) => runId)
            .toReversed()
            .join(),
        ],
      ]
      for (const [args, expected] of asked) {
        const { stdout, stderr } = spawnSync(process.execPath, [CLI, ...args, '--log', directory], { encoding: 'utf8' })
        const said = args[0] === 'query' ? stdout.trim() : runIdsOf(stdout)
        if (said !== expected) problems.push(`spanledger ${args[0]}: ${said} ${stderr}, not ${expected}`)
      }
    }
    return { problems: problems.map((problem) => `read from outside: ${problem}`) }
  } finally {
    await reader.close()
  }
}

/** @param {string} lines */
function runIdsOf(lines) {
  return lines
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line).runId)
    .join()
}
