// Asking a log, here one that was written without OpenTelemetry, by `append()`.
import { openAuditLog } from 'spanledger'

const log = await openAuditLog('./audit')

for (const [n, agent] of ['planner', 'writer', 'planner'].entries()) {
  const scope = { sessionId: 's-1', runId: `run-${n}`, agent: { name: agent } }
  await log.append({ ...scope, type: 'run_started', data: { agent: scope.agent }, time: `2026-11-0${n + 1}T08:00:00Z` })
  await log.append({
    ...scope,
    type: 'run_completed',
    data: { durationMs: 250, usage: { inputTokens: 10, outputTokens: 5, totalTokens: 15 } },
    time: `2026-11-0${n + 1}T08:00:00.25Z`,
  })
}

const planner = await log.events({ agent: 'planner', type: 'run_completed' }).toArray()
console.log('runs the planner completed:', planner.length)

// `since` includes its moment, `until` excludes it.
const day = { since: '2026-11-02T00:00:00Z', until: '2026-11-03T00:00:00Z' }
console.log(
  'on 2 November:',
  (await log.events(day).toArray()).map(({ seq, type }) => `${seq} ${type}`),
)

const [newest] = await log.events({ order: 'desc', limit: 1 }).toArray()
console.log('newest:', newest.seq, newest.type)

for await (const run of log.runs({ sessionId: 's-1', status: 'completed' })) {
  console.log(run.runId, run.agent?.name, run.status, run.durationMs, 'ms', run.usage.totalTokens, 'tokens')
}

try {
  log.events({ since: 'last week' })
} catch (error) {
  console.log(error.code, '-', error.message) // a bad query is an error, never an empty answer
}
await log.close()
