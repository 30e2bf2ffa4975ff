/* How the demo shows an audit trail: runs as trees, events as rows. */

/** A run, the runs inside it, and what they did, as lines. */
export function runTree(run, indent = '') {
  const { agent, status, durationMs = 0, usage, error } = run
  const tokens = usage.totalTokens > 0 ? `, ${usage.inputTokens} + ${usage.outputTokens} tokens` : ''
  const lines = [`${indent}${agent?.name ?? agent?.id ?? 'unnamed'}  ${status}${tokens}, ${durationMs.toFixed(1)} ms`]
  if (error) lines.push(`${indent}  error: ${error.code}: ${error.message}`)
  const within = `${indent}  `
  for (const { name, status } of run.toolCalls) lines.push(`${within}tool ${name}: ${status}`)
  for (const { data } of run.memoryRecalls)
    lines.push(`${within}recalled ${data.hits} from ${data.tier} ${data.namespaceKey}`)
  for (const { data } of run.compactions) {
    lines.push(`${within}context compacted: ${data.droppedTokens} tokens dropped, ${data.retainedTokens} kept`)
  }
  for (const { data } of run.limits)
    lines.push(`${within}limit exceeded: ${data.axis} ${data.observed} of ${data.limit}`)
  for (const subRun of run.subRuns) lines.push(...runTree(subRun, within))
  return lines
}

export function eventRow({ seq, time, type, agent, data }) {
  const clock = time.slice(11, 23)
  return `${String(seq).padStart(4)}  ${clock}  ${type.padEnd(22)}  ${agent?.name ?? ''}  ${JSON.stringify(data).slice(0, 72)}`
}
