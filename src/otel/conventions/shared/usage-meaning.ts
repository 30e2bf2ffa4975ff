import type { Alteration, Confidence, TokenUsage } from '../../../events/index.js'
import type { UsageReport } from '../contract.js'
import { isAmount } from './attributes.js'

/*
 * The one meaning that token counts have in a log, whoever counted: `inputTokens` includes the cached and the
 * cache-creation tokens, `outputTokens` includes the reasoning tokens, `totalTokens` is the sum of the two.
 */

/** Consumed tokens in the one meaning. */
export interface MeantUsage {
  readonly usage: TokenUsage
  /** `heuristic` where neither the numbers nor the instrumentation tell what they include. */
  readonly confidence?: Confidence | undefined
  /** Fields that contradicted the others, or could not be known. */
  readonly altered?: readonly Alteration[] | undefined
}

/** Instrumentations that pass on a provider's input without its cache: exact names, or prefixes ending in `*`. */
const CACHE_BESIDE = [
  '@traceloop/instrumentation-anthropic',
  '@traceloop/instrumentation-bedrock',
  'opentelemetry.instrumentation.bedrock',
  '@arizeai/openinference-instrumentation-bedrock',
]
/** Instrumentations known to add the cache to the input, as the semantic conventions prescribe. */
const CACHE_WITHIN = [
  'com.anthropic.sdk.*',
  '@arizeai/openinference-*',
  'openinference.*',
  'opentelemetry.*',
  '@opentelemetry/*',
  '@sentry/*',
  'sentry*',
  'pydantic-ai',
  'logfire*',
  'litellm*',
  'gen_ai',
  'ai',
  '@mastra/*',
  'gcp.vertex.agent',
]
/** Providers and models whose own counts leave the cache out of the input. */
const CLAUDE = /anthropic|claude/i
/** Providers and models whose own output leaves the thoughts out, while the total includes them. */
const GEMINI = /gemini|google|vertex/i

const NOTHING_ALTERED: readonly Alteration[] = Object.freeze([])

/**
 * Returns what a report means; nothing where it tells neither tokens nor a cost.
 *
 * @param scope - name of the instrumentation scope that reports
 */
export function meaningOf(report: UsageReport, scope: string): MeantUsage | undefined {
  const told = countsIn(report)
  const { costUsd } = told
  if (!told.input && !told.output && !told.total && !costUsd) return undefined
  const { input, output, guessed } = withReasoning(report, withCache(report, scope, told))
  const sum = { input, output }
  const cached = limited(told.cached, sum.input)
  const created = limited(told.created, sum.input - (cached ?? 0))
  const reasoning = limited(told.reasoning, sum.output)
  const altered = alterations(report, told, { input: sum.input, output: sum.output, cached, created, reasoning })
  return {
    usage: {
      inputTokens: sum.input,
      outputTokens: sum.output,
      totalTokens: sum.input + sum.output,
      cachedInputTokens: cached,
      cacheCreationInputTokens: created,
      reasoningTokens: reasoning,
      costUsd,
    },
    confidence: guessed ? 'heuristic' : undefined,
    altered: altered.length > 0 ? altered : undefined,
  }
}

interface Told {
  readonly input: number | undefined
  readonly output: number | undefined
  readonly total: number | undefined
  readonly cached: number | undefined
  readonly created: number | undefined
  readonly reasoning: number | undefined
  readonly costUsd: number | undefined
}

/** Anybody may report anything: only counts count. */
function countsIn(report: UsageReport): Told {
  const { costUsd } = report
  return {
    input: whole(report.inputTokens),
    output: whole(report.outputTokens),
    total: whole(report.totalTokens),
    cached: whole(report.cachedInputTokens),
    created: whole(report.cacheCreationInputTokens),
    reasoning: whole(report.reasoningTokens),
    costUsd: typeof costUsd === 'number' && isAmount(costUsd) ? costUsd : undefined,
  }
}

function whole(value: unknown): number | undefined {
  return typeof value === 'number' && isAmount(value) ? Math.round(value) : undefined
}

/** Counts with the cache in the input; the output is still as it was told. */
interface WithCache extends Pick<Told, 'total' | 'reasoning'> {
  /** The input as it was told. */
  readonly bare: number
  readonly input: number
  readonly output: number
  readonly guessed: boolean
}

function withCache(report: UsageReport, scope: string, told: Told): WithCache {
  const cache = (told.cached ?? 0) + (told.created ?? 0)
  const { input: bare = inputFromRest(told, cache), output = Math.max(0, (told.total ?? bare) - bare) } = told
  const placed = cache === 0 ? 'within' : placeOfCache(report, scope, told, { bare, cache, output })
  const input = placed === 'beside' ? bare + cache : bare
  return { bare, input, output, total: told.total, reasoning: told.reasoning, guessed: placed === 'unknown' }
}

/** The input of a report that tells only other counts. */
function inputFromRest({ total, output }: Told, cache: number): number {
  return total === undefined ? cache : Math.max(0, total - (output ?? 0))
}

function placeOfCache(
  report: UsageReport,
  scope: string,
  { total, reasoning = 0, input }: Told,
  { bare, cache, output }: { readonly bare: number; readonly cache: number; readonly output: number },
): 'within' | 'beside' | 'unknown' {
  if (cache > bare) return 'beside'
  if (input === undefined) return 'within'
  const rest = total === undefined ? 0 : total - bare - output
  if (rest === cache || rest === cache + reasoning) return 'beside'
  const known = report.cache ?? meaningIn(scope)
  if (known) return known
  return CLAUDE.test(`${report.provider} ${report.model}`) ? 'unknown' : 'within'
}

function meaningIn(scope: string): UsageReport['cache'] {
  if (CACHE_BESIDE.some((pattern) => matches(pattern, scope))) return 'beside'
  return CACHE_WITHIN.some((pattern) => matches(pattern, scope)) ? 'within' : undefined
}

function matches(pattern: string, scope: string): boolean {
  return pattern.endsWith('*') ? scope.startsWith(pattern.slice(0, -1)) : scope === pattern
}

function withReasoning(
  report: UsageReport,
  { input, bare, output, total, reasoning = 0, guessed }: WithCache,
): { input: number; output: number; guessed: boolean } {
  const rest = total === undefined ? 0 : total - output - Math.max(input, bare)
  if (reasoning > 0) {
    const beside = reasoning > output || rest === reasoning || report.reasoning === 'beside'
    return { input, output: beside ? output + reasoning : output, guessed }
  }
  // Thoughts that only the total tells of.
  if (rest > 0 && GEMINI.test(`${report.provider} ${report.model}`)) {
    return { input, output: output + rest, guessed: true }
  }
  return { input, output, guessed }
}

function limited(value: number | undefined, limit: number): number | undefined {
  return value === undefined ? undefined : Math.min(value, limit)
}

/** Lists what could not be kept as it was told, or was told by nobody. */
function alterations(
  report: UsageReport,
  told: Told,
  meant: {
    readonly input: number
    readonly output: number
    readonly cached: number | undefined
    readonly created: number | undefined
    readonly reasoning: number | undefined
  },
): readonly Alteration[] {
  const altered: Alteration[] = []
  const note = (field: string, reason: Alteration['reason']) => altered.push({ field: `data.${field}`, reason })
  const tellsTokens = told.input !== undefined || told.output !== undefined
  if (tellsTokens && told.input === undefined && told.total === undefined) note('inputTokens', 'missing')
  if (!tellsTokens && told.total !== undefined) note('outputTokens', 'missing')
  if (meant.cached !== told.cached) note('cachedInputTokens', 'invalid')
  if (meant.created !== told.created) note('cacheCreationInputTokens', 'invalid')
  if (meant.reasoning !== told.reasoning) note('reasoningTokens', 'invalid')
  const { total } = told
  const isSum = total === undefined || total === meant.input + meant.output
  // A total without the cache is the sum of what was told beside it.
  const isBareSum = total === (told.input ?? 0) + (told.output ?? 0)
  if (!isSum && !isBareSum) note('totalTokens', 'invalid')
  if (total === undefined && report.totalTokens !== undefined) note('totalTokens', 'invalid')
  return altered.length > 0 ? altered : NOTHING_ALTERED
}
