import { hasDropped, type SpanLike } from '../../span.js'
import type { Ancestors, Conclusion, Convention, Fact } from '../contract.js'
import { openInferenceConvention } from '../openinference/openinference.js'
import { amount } from '../shared/attributes.js'
import { concludeError } from '../shared/error-endings.js'
import { errorOf, hasErrorStatus, type SpanError } from '../shared/outcome.js'

/*
 * The Claude Agent SDK through OpenInference: one AGENT span for a query, its tools below, its usage and cost on itself.
 * The session comes with the first message of the stream, the usage with the last. Why it stopped stands in the text of
 * the status: `Result error: error_max_turns`.
 */

const RESULT_ERROR = /^Result error: (\w+)$/
const AXES: Readonly<Record<string, string>> = { error_max_turns: 'turns', error_max_budget_usd: 'cost_usd' }

/** The Claude Agent SDK through OpenInference, for JavaScript and Python. */
export const claudeAgentSdkConvention: Convention = {
  ...openInferenceConvention,
  name: 'claude-agent-sdk',
  instrumentationScopes: [
    '@arizeai/openinference-instrumentation-claude-agent-sdk',
    'openinference.instrumentation.claude_agent_sdk*',
  ],
  attributePrefixes: undefined,

  conclude(span, activity, ancestors) {
    const told = openInferenceConvention.conclude?.(span, activity, ancestors) ?? {}
    const error = hasErrorStatus(span) ? sdkErrorOf(span) : undefined
    if (activity.kind !== 'run') return { ...told, error }
    return { ...told, ...endingOf(span, error, told, ancestors), facts: limitFacts(span, error) }
  },
}

function sdkErrorOf(span: SpanLike): SpanError {
  const error = errorOf(span)
  const code = RESULT_ERROR.exec(error.message)?.[1]
  // A tool that never reported back, since it was refused or the query ended, is closed with this word.
  return { ...error, code: code ?? (error.message === 'Abandoned' ? 'Abandoned' : error.code) }
}

function endingOf(span: SpanLike, error: SpanError | undefined, { usage }: Conclusion, { run }: Ancestors): Conclusion {
  if (error) return concludeError(error, span)
  // Whoever stops reading before the result leaves a span without an error and without usage. Sub-agents tell no usage.
  return usage || run || hasDropped(span)
    ? {}
    : { outcome: 'cancelled', reason: 'not read to the end', confidence: 'heuristic' }
}

function limitFacts({ attributes }: SpanLike, error: SpanError | undefined): readonly Fact[] | undefined {
  const axis = error && AXES[error.code]
  if (axis === undefined) return undefined
  const observed = axis === 'cost_usd' ? amount(attributes, 'llm.cost.total') : undefined
  return [{ type: 'usage_limit_exceeded', data: { axis, observed } }]
}
