import { startChild } from '../support/child.mjs'
import { compare, contentsOf } from '../support/contents.mjs'

/** @typedef {import('../suite.mjs').Findings} Findings */
/** @typedef {import('../suite.mjs').Setting} Setting */

/**
 * Every agent that was said to have ended has its run, from its beginning to its end.
 *
 * @param {string} ending @param {number} spans @param {readonly string[]} node @returns
 * {(setting: Setting) => Promise<Findings>}
 */
function endingSpans(ending, spans, node = []) {
  return async ({ directory }) => {
    const child = startChild('spans.mjs', [directory, spans, ending], { node })
    if (ending === 'SIGTERM') {
      await child.until('ready')
      child.kill('SIGTERM')
    }
    const { code, signal } = await child.ended
    const acknowledged = child.said().filter((line) => line !== 'ready')
    const problems = acknowledged.length === spans ? [] : [`ended early, with ${signal ?? code}: ${child.errors()}`]
    const { events } = await contentsOf(directory)
    const findings = { rounds: 1, faults: 1, acknowledged: 0, lost: 0, duplicated: 0, problems }
    for (const type of ['run_started', 'run_completed']) {
      const agents = events.filter((event) => event.type === type).map(({ data }) => data.agent?.name ?? data.runId)
      if (type === 'run_started') {
        const { lost, duplicated } = compare(acknowledged, agents)
        findings.lost += lost
        findings.duplicated += duplicated
      } else if (agents.length !== spans) findings.lost += spans - agents.length
      findings.acknowledged += spans
    }
    return findings
  }
}

/** @param {Setting} setting @returns {Promise<Findings>} */
async function terminateWorker({ directory }) {
  const child = startChild('worker.mjs', [directory, 2000])
  const { code } = await child.ended
  const said = child.said()
  const problems = said.includes('terminated') ? [] : [`ended with ${code}: ${child.errors()}`]
  const acknowledged = said.filter((line) => line !== 'terminated')
  const { events } = await contentsOf(directory)
  const { lost, duplicated } = compare(
    acknowledged,
    events.map(({ name }) => name),
  )
  return { rounds: 1, faults: 1, acknowledged: acknowledged.length, lost, duplicated, problems }
}

export const scenarios = {
  '10,000 spans in one tick, forceFlush, then kill -9': endingSpans('forceFlush', 10_000),
  '10 spans, then a natural exit': endingSpans('natural exit', 10),
  '10 spans, then process.exit(1)': endingSpans('process.exit', 10),
  '10 spans, then an uncaught exception': endingSpans('uncaught exception', 10),
  '10 spans, then an unhandled rejection': endingSpans('unhandled rejection', 10),
  '10 spans, then abort()': endingSpans('abort', 10),
  '10 spans, then out of memory': endingSpans('out of memory', 10, ['--max-old-space-size=32']),
  '10 spans, then SIGTERM and shutdown': endingSpans('SIGTERM', 10),
  'worker.terminate()': terminateWorker,
}
