import type { Confidence } from '../../events/index.js'
import type { Activity, Convention, SpanPhase } from '../conventions/contract.js'
import { type SpanLike, scopeOf } from '../span.js'
import type { Claim } from './span-node.js'

/** Which convention a span was recognised by, and why; or why by none. */
export interface SpanExplanation {
  readonly name: string
  readonly scope: string
  readonly traceId: string
  readonly spanId: string
  /** The look that told: at the start, a microtask later, or at the end. For a span nobody claimed, the end. */
  readonly moment: SpanPhase
  /** The convention that claimed the span. */
  readonly convention?: string
  /** What it took the span for. */
  readonly kind?: Activity['kind']
  /** Conventions that may speak for the span, by its scope, its name or the keys of its attributes. */
  readonly candidates: readonly string[]
  /** The same in a sentence. */
  readonly reason: string
}

export function explain(
  span: SpanLike,
  moment: SpanPhase,
  candidates: readonly Convention[],
  claim: Claim | undefined,
): SpanExplanation {
  const { traceId, spanId } = span.spanContext()
  const scope = scopeOf(span).name
  return {
    name: span.name,
    scope,
    traceId,
    spanId,
    moment,
    ...(claim && { convention: claim.convention.name, kind: claim.activity.kind }),
    candidates: candidates.map(({ name }) => name),
    reason: reasonOf(span, scope, moment, candidates, claim),
  }
}

const WHEN: Readonly<Record<SpanPhase, string>> = {
  start: 'at its start',
  microtask: 'right after its start',
  end: 'at its end',
}

const GUESSES: Readonly<Record<Confidence, string>> = {
  heuristic: ', a guess',
  claimed: ', by the word of a client',
}

function reasonOf(
  span: SpanLike,
  scope: string,
  moment: SpanPhase,
  candidates: readonly Convention[],
  claim: Claim | undefined,
): string {
  if (claim) {
    const { convention, activity } = claim
    const guess = activity.confidence ? GUESSES[activity.confidence] : ''
    return `'${convention.name}' recognised a ${activity.kind} ${WHEN[moment]}, ${groundsOf(convention, span, scope)}${guess}`
  }
  if (candidates.length > 0) {
    const asked = candidates.map((convention) => `'${convention.name}' (${groundsOf(convention, span, scope)})`)
    return `asked ${asked.join(', ')}: to none of them is it a span of an agent`
  }
  const keys = Object.keys(span.attributes)
  const attributes = keys.length > 0 ? `the attributes ${keys.slice(0, 12).join(', ')}` : 'no attributes'
  return `no convention speaks for the scope '${scope}', the name '${span.name}', or ${attributes}`
}

/** By what a convention came to be asked. */
function groundsOf({ scopes, attributePrefixes }: Convention, { attributes }: SpanLike, scope: string): string {
  if (
    scopes?.some((pattern) => pattern === scope || (pattern.endsWith('*') && scope.startsWith(pattern.slice(0, -1))))
  ) {
    return `by the scope '${scope}'`
  }
  const key = Object.keys(attributes).find((key) => attributePrefixes?.some((prefix) => key.startsWith(prefix)))
  return key === undefined ? 'by its name' : `by the attribute '${key}'`
}
