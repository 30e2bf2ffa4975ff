// Records runs step by step, as its parent says: node writer.mjs <compiled sources> <directory>
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

const [dist = '', directory = ''] = process.argv.slice(2)
const { openAuditLog } = await import(pathToFileURL(join(dist, 'index.js')).href)
const log = await openAuditLog(directory, { signer: false })
let n = 0

/**
 * Records so many events of six runs at a time, which interleave; every other one ends.
 *
 * @param {number} count
 */
async function record(count) {
  for (const end = n + count; n < end; n++) {
    const runId = `r-${Math.floor(n / 300) * 6 + (n % 6)}`
    const scope = { runId, tenantId: `t-${n % 2}`, sessionId: `s-${n % 4}`, actor: { id: `u-${n % 3}` } }
    const step = Math.floor((n % 300) / 6)
    const callId = `c-${n}`
    if (step === 0)
      log.record({ ...scope, type: 'run_started', data: { agent: { name: `agent ${n % 5}` }, model: 'm' } })
    else if (step === 49 && n % 2 === 0) log.record({ ...scope, type: 'run_completed', data: { durationMs: n } })
    else if (step % 3 === 0)
      log.record({ ...scope, type: 'tool_call_completed', data: { callId, tool: { name: 'pay' } } })
    else if (step % 3 === 1) {
      const usage = { inputTokens: n, outputTokens: 1, totalTokens: n + 1, costUsd: 0.1 }
      log.record({ ...scope, type: 'token_usage_updated', data: usage })
    } else log.record({ ...scope, type: 'custom', data: { name: 'note', n } })
    if (n % 100 === 99) await log.flush()
  }
}

process.on('message', async (count) => {
  await record(Number(count))
  process.send?.(await log.runs().toArray())
})
process.send?.('open')
