import { openAuditLog } from 'spanledger'
import { wrongAnswers } from './answers.mjs'

/**
 * What a log has, read from its beginning or from behind what was read before.
 *
 * @typedef {object} Contents
 * @property {readonly { seq: number, type: string, runId?: string | undefined, name: string | undefined, data: any }[]} events
 * @property {number} size
 * @property {import('spanledger').AuditLogRecovery} recovery
 * @property {string[]} [tampering] what `verify` found, if it was asked
 * @property {string[]} wrong answers of the indexes that are wrong, if they were asked
 */

/**
 * Opens a log, reads it and closes it.
 *
 * @param {string} directory
 * @param {{ after?: number, verify?: boolean, answers?: boolean }} [options] `after`: the last position that was read
 * before; `answers`: the indexes are asked as well
 * @returns {Promise<Contents>}
 * @throws what opening and reading throw; Error where a position is missing
 */
export async function contentsOf(directory, { after = -1, verify = false, answers = false } = {}) {
  const log = await openAuditLog(directory, { on: { problem: () => {} } })
  try {
    const { size } = await log.head()
    const events = []
    for await (const { seq, type, runId, data } of log.events(after >= 0 ? { afterSeq: after } : {})) {
      if (seq !== after + 1 + events.length) throw new Error(`position ${after + 1 + events.length} is missing`)
      const name = /** @type {{ name?: unknown }} */ (data).name
      events.push({ seq, type, runId, name: typeof name === 'string' ? name : undefined, data })
    }
    if (after + 1 + events.length !== size)
      throw new Error(`${events.length} events were read behind ${after} of ${size}`)
    const wrong = answers ? await wrongAnswers(log, { samples: 2 }) : []
    if (!verify || size === 0) return { events, size, recovery: log.recovery, wrong }
    await log.checkpoint()
    const { problems } = await log.verify({ threads: 1 })
    const tampering = problems.filter(({ status }) => status !== 'incomplete').map(({ message }) => message)
    return { events, size, recovery: log.recovery, tampering, wrong }
  } catch (problem) {
    throw Object.assign(/** @type {Error} */ (problem), { whileReading: true })
  } finally {
    await log.close()
  }
}

/**
 * Compares what was acknowledged with what is there. Names are `<flow>:<number>`, numbers ascending in each flow.
 *
 * @param {readonly string[]} acknowledged
 * @param {readonly (string | undefined)[]} found in the order of the log
 * @returns {{ lost: number, duplicated: number, disordered: number }}
 */
export function compare(acknowledged, found) {
  const seen = new Set()
  const last = new Map()
  let duplicated = 0
  let disordered = 0
  for (const name of found) {
    if (name === undefined) continue
    if (seen.has(name)) duplicated++
    seen.add(name)
    const [flow, number] = name.split(':')
    if (Number(number) < (last.get(flow) ?? -1)) disordered++
    last.set(flow, Number(number))
  }
  const lost = acknowledged.filter((name) => !seen.has(name)).length
  return { lost, duplicated, disordered }
}
