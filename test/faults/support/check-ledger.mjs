import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openAuditLog, openAuditLogReader } from 'spanledger'
import { compare } from './contents.mjs'

const CLI = fileURLToPath(new URL('./cli/index.js', import.meta.resolve('spanledger')))

/** @param {string} ledger @returns {string[]} the directories of its logs */
export function logsOf(ledger) {
  const further = join(ledger, 'logs')
  return [ledger, ...(existsSync(further) ? readdirSync(further).map((name) => join(further, name)) : [])]
}

/**
 * Opens all logs of a ledger, and closes them: what their writers left behind is in them then, and so is what was recorded
 * before there was a log.
 *
 * @param {string} ledger
 * @returns {Promise<string[]>} what was wrong
 */
async function settle(ledger) {
  /** @type {string[]} */
  const problems = []
  const options = { shared: true, on: { problem: (/** @type {Error} */ { message }) => void problems.push(message) } }
  // While an index is derived, nothing is taken over: the second opening does.
  for (let opening = 0; opening < 2; opening++) {
    const logs = await Promise.all(logsOf(ledger).map(() => openAuditLog(ledger, options)))
    for (const log of logs) await log.events({ type: 'run_started' }).count()
    for (const log of logs) await log.close()
  }
  return problems
}

/**
 * Settles a ledger and reads it from outside: what was acknowledged is there once, no run is left running, nothing is left
 * to take over, and `spanledger verify` finds nothing.
 *
 * @param {string} ledger
 * @param {readonly string[]} acknowledged names of events that must be there
 */
export async function checkLedger(ledger, acknowledged) {
  const problems = await settle(ledger)
  const staging = join(ledger, 'staging')
  const left = existsSync(staging) ? readdirSync(staging) : []
  if (left.length > 0) problems.push(`staging journals are left: ${left}`)
  /** @type {string[]} */
  const names = []
  /** @type {string[]} */
  const ends = []
  /** @type {Map<string, number>} */
  const types = new Map()
  const reader = await openAuditLogReader(ledger)
  try {
    for await (const event of reader.events()) {
      const { type, agent, data } = event
      types.set(type, (types.get(type) ?? 0) + 1)
      const { name } = /** @type {{ name?: unknown }} */ (data)
      if (type === 'custom' && typeof name === 'string' && name !== 'audit_attached') names.push(name)
      if (type === 'run_started' && agent) names.push(agent.name ?? '')
      if (type === 'run_completed' && agent) ends.push(agent.name ?? '')
    }
    const running = await reader.runs({ status: 'running' }).toArray()
    if (running.length > 0) problems.push(`${running.length} runs of processes that are dead are running`)
  } finally {
    await reader.close()
  }
  const { lost, duplicated } = compare(acknowledged, names)
  const again = compare([], ends).duplicated
  const vkey = join(ledger, 'keys', 'signing.vkey')
  const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, 'verify', ledger, '--vkey', vkey], {
    encoding: 'utf8',
  })
  if (status !== 0) problems.push(`spanledger verify ended with ${status}: ${stdout} ${stderr}`)
  return { lost, duplicated: duplicated + again, problems, types, logs: logsOf(ledger).length }
}
