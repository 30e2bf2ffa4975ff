/* What an audit log says of the runs in it, short enough to be compared with what it must say, and to be printed. */

/** The runs that no other run started, with those they started inside them. */
export async function trailOf(log) {
  const runs = []
  for await (const { runId, parentRunId } of log.runs()) if (!parentRunId) runs.push(brief(await log.run(runId)))
  return runs
}

function brief({ agent, status, sessionId, usage, error, toolCalls, handoffs, limits, subRuns }) {
  return {
    agent: agent?.name,
    status,
    sessionId,
    tokens: [usage.inputTokens, usage.outputTokens],
    ...(error && { error: error.message }),
    ...(toolCalls.length > 0 && { tools: toolCalls.map(({ name, status }) => `${name}: ${status}`) }),
    ...(handoffs.length > 0 && { handoffs: handoffs.map(({ data }) => `${data.from} → ${data.to}`) }),
    ...(limits.length > 0 && { limits: limits.map(({ data }) => data.axis) }),
    ...(subRuns.length > 0 && { subRuns: subRuns.map(brief) }),
  }
}

/** Prints a trail, a line for each run. */
export function print(trail, indent = '') {
  for (const { agent, status, sessionId, tokens, subRuns = [], ...rest } of trail) {
    const more = Object.entries(rest).map(([name, value]) => `, ${name} ${[value].flat().join('; ')}`)
    console.log(`${indent}${agent} ${status}, ${tokens.join(' + ')} tokens${more.join('')}`)
    print(subRuns, `${indent}  `)
  }
}
