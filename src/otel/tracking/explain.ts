import type { Confidence } from '../../events/index.js'
import type { Activity, Convention, SpanPhase } from '../conventions/contract.js'
import { type SpanLike, scopeOf } from '../span.js'
import type { Recognition } from './recognition.js'

/** The convention that recognised a span, and the reason; or the reason why no convention did. */
export interface SpanExplanation {
  readonly name: string
  readonly scope: string
  readonly traceId: string
  readonly spanId: string
  /** The look that decided: at the start, a microtask later, or at the end. For a span that nobody recognised, the end. */
  readonly moment: SpanPhase
  /** The convention that recognised the span. */
  readonly convention?: string
  /** The kind of activity that it recognised. */
  readonly kind?: Activity['kind']
  /** Conventions that may speak for the span, by its scope, its name or the keys of its attributes. */
  readonly candidates: readonly string[]
  /** The explanation in a sentence. */
  readonly reason: string
}

/** One look at a span. */
export interface Look {
  readonly span: SpanLike
  readonly moment: SpanPhase
  /** The conventions that were asked. */
  readonly candidates: readonly Convention[]
  readonly recognition: Recognition | undefined
}

export function explain(look: Look): SpanExplanation {
  const { span, moment, candidates, recognition } = look
  const { traceId, spanId } = span.spanContext()
  const scope = scopeOf(span).name
  return {
    name: span.name,
    scope,
    traceId,
    spanId,
    moment,
    ...(recognition && { convention: recognition.convention.name, kind: recognition.activity.kind }),
    candidates: candidates.map(({ name }) => name),
    reason: reasonOf(look),
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

function reasonOf({ span, moment, candidates, recognition }: Look): string {
  const scope = scopeOf(span).name
  if (recognition) {
    const { convention, activity } = recognition
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

/** The grounds on which a convention is asked. */
function groundsOf(
  { instrumentationScopes, attributePrefixes }: Convention,
  { attributes }: SpanLike,
  scope: string,
): string {
  if (
    instrumentationScopes?.some(
      (pattern) => pattern === scope || (pattern.endsWith('*') && scope.startsWith(pattern.slice(0, -1))),
    )
  ) {
    return `by the scope '${scope}'`
  }
  const key = Object.keys(attributes).find((key) => attributePrefixes?.some((prefix) => key.startsWith(prefix)))
  return key === undefined ? 'by its name' : `by the attribute '${key}'`
}
