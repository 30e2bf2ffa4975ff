import type { StoredEvent } from '../../src/events/index.js'
import type { Label } from './recording.js'

/** What an audit trail says happened, in the terms of the labels. */
export function trailOf(events: readonly StoredEvent[]): Omit<Label, 'unrecoverable' | 'notes'> {
  const data = <T extends StoredEvent['type']>(type: T) =>
    events.flatMap((event) => (event.type === type ? [event as StoredEvent<T>] : []))
  const usage = data('token_usage_updated')
  return {
    runs: runsOf(events),
    toolCalls: toolCallsOf(events),
    tokens: {
      input: usage.reduce((sum, event) => sum + event.data.inputTokens, 0),
      output: usage.reduce((sum, event) => sum + event.data.outputTokens, 0),
    },
    handoffs: data('agent_handoff').map((event) => ({ from: event.data.from ?? null, to: event.data.to })),
    memoryRecalls: data('memory_recall').map((event) => ({ tier: event.data.tier, hits: event.data.hits ?? null })),
    compactions: data('context_compacted').length,
    usageLimits: data('usage_limit_exceeded').map((event) => ({ axis: event.data.axis })),
    resumed: data('resumed').length,
    approvals: {
      requested: data('tool_approval_requested').length,
      granted: data('tool_approval_granted').length,
      denied: data('tool_approval_denied').length,
    },
  }
}

const OUTCOMES: Readonly<Record<string, string>> = {
  run_completed: 'completed',
  run_failed: 'failed',
  run_cancelled: 'cancelled',
  run_suspended: 'suspended',
  run_interrupted: 'interrupted',
}

function runsOf(events: readonly StoredEvent[]): Label['runs'] {
  const started = events.filter((event): event is StoredEvent<'run_started'> => event.type === 'run_started')
  const parents = new Map(
    events.flatMap((event) => {
      if (event.type !== 'sub_agent_invoked' || !event.data.subRunId || !event.runId) return []
      return [[event.data.subRunId, event.runId] as const]
    }),
  )
  const superseded = new Set(events.map(({ supersedes }) => supersedes))
  return started.map((start) => {
    const terminal = events.find(
      ({ id, runId, type }) => runId === start.runId && Object.hasOwn(OUTCOMES, type) && !superseded.has(id),
    )
    const last = events.filter((event) => event.runId === start.runId).at(-1) ?? start
    const parentRunId = start.parentRunId ?? parents.get(start.runId as string)
    const parent = started.findIndex(({ runId }) => runId === parentRunId)
    return {
      agent: terminal?.agent?.name ?? terminal?.agent?.id ?? start.data.agent.name ?? start.data.agent.id ?? null,
      outcome: terminal ? (OUTCOMES[terminal.type] as string) : 'running',
      parent: parent < 0 ? null : parent,
      sessionId: last.sessionId === last.trace?.traceId ? null : last.sessionId,
      error: terminal?.type === 'run_failed' ? terminal.data.error.code : null,
    }
  })
}

/** A call that started and did not end was suspended. */
function toolCallsOf(events: readonly StoredEvent[]): Label['toolCalls'] {
  return events.flatMap((start) => {
    if (start.type !== 'tool_call_started') return []
    const end = events.find(
      (event): event is StoredEvent<'tool_call_completed' | 'tool_call_failed'> =>
        (event.type === 'tool_call_completed' || event.type === 'tool_call_failed') &&
        event.trace?.spanId === start.trace?.spanId &&
        event.data.callId === start.data.callId,
    )
    const outcome = end ? (end.type === 'tool_call_completed' ? 'completed' : 'failed') : 'suspended'
    return [{ name: end?.data.tool.name ?? start.data.tool.name, outcome }]
  })
}
