import { setTimeout } from 'node:timers/promises'
import { openAuditLog } from 'spanledger'
import { startChild } from '../support/child.mjs'
import { compare } from '../support/contents.mjs'

/** @typedef {import('../suite.mjs').Findings} Findings */
/** @typedef {import('../suite.mjs').Setting} Setting */

const LONGEST_LIFE_MILLIS = 120

/**
 * Processes that record content are killed at random moments. Every entry that promises content has it, and it is what was
 * recorded; there is no content that no entry promises; an id that is repeated leads to its first entry and content.
 *
 * @param {'journal' | 'journal-behind' | 'flush-only'} durability
 * @returns {(setting: Setting) => Promise<Findings>}
 */
function killed(durability) {
  return async ({ directory, full }) => {
    const rounds = full ? 200 : 6
    /** @type {Findings} */
    const findings = { rounds, faults: 0, acknowledged: 0, lost: 0, duplicated: 0, problems: [] }
    /** @type {string[]} */
    const kept = []
    for (let round = 0; round < rounds; round++) {
      const child = startChild('content.mjs', [directory, durability, `r${round}`])
      // Every third one is killed wherever it is, also while it opens the log.
      if (round % 3 !== 2) await child.until('ready')
      await setTimeout(Math.random() * LONGEST_LIFE_MILLIS)
      child.kill('SIGKILL')
      await child.ended
      findings.faults++
      for (const line of child.said()) {
        const [word, name] = line.split(' ')
        if (name && (word === 'durable' || durability === 'journal')) kept.push(name)
      }
    }
    findings.acknowledged = kept.length
    const { names, problems } = await examined(directory)
    const { lost, duplicated } = compare(kept, names)
    return { ...findings, lost, duplicated, problems: [...findings.problems, ...problems] }
  }
}

/** @param {string} directory @returns {Promise<{ names: string[], problems: string[] }>} */
async function examined(directory) {
  const log = await openAuditLog(directory, { on: { problem: () => {} } })
  try {
    /** @type {string[]} */
    const problems = []
    const names = []
    const ids = []
    for await (const event of log.events({ type: 'error_occurred', content: 'all' })) {
      const { operation, error } = event.data
      const [, number] = operation.split(':')
      names.push(operation)
      if (event.id === operation) ids.push(event)
      const message = `message ${operation} ${'x'.repeat((Number(number) * 97) % 4000)}`
      if (error.message !== message) problems.push(`${operation} has another message, or none`)
    }
    for (const { seq, id, type, actor, data } of ids.slice(-20)) {
      const again = await log.append({ type, id, ...(actor && { actor }), data })
      if (again.seq !== seq) problems.push(`${id} is at ${seq}, and was stored again at ${again.seq}`)
    }
    // Where all of them were killed before a commit, there is nothing to verify.
    if ((await log.head()).size === 0) return { names, problems }
    await log.checkpoint()
    const { problems: found, content } = await log.verify({ threads: 1 })
    problems.push(...found.map(({ message }) => message))
    if (content?.checked !== names.length) problems.push(`of ${names.length} items ${content?.checked} were checked`)
    return { names, problems }
  } finally {
    await log.close()
  }
}

export const scenarios = {
  'kill -9 with content (journal)': killed('journal'),
  'kill -9 with content (journal-behind)': killed('journal-behind'),
  'kill -9 with content (flush-only)': killed('flush-only'),
}
