import type { SpanLike } from '../../span.js'
import type { ConventionState, Fact } from '../contract.js'
import { jsonIn, record } from '../shared/attributes.js'

/*
 * Compaction (open-telemetry/semantic-conventions-genai #162). A call of a model that compacts answers with a part of the
 * type `compaction`: that is evidence. `gen_ai.conversation.compacted` says of a call that its history had been compacted,
 * and of all that follow in the conversation: the first one in a run tells of the compaction, which may be an earlier run's.
 */

const COMPACTED = 'gen_ai.conversation.compacted'
const FINISHED = 'compaction'
/** Kept for the life of a run: that its history is known to be compacted. */
const TOLD = 'gen-ai.compacted'

/** Reads what the end of a call of a model says of compaction. */
export function compactionFacts(span: SpanLike, runState: ConventionState | undefined): readonly Fact[] | undefined {
  const { attributes } = span
  if (
    answersCompacted(attributes['gen_ai.output.messages']) ||
    stopsToCompact(attributes['gen_ai.response.finish_reasons'])
  ) {
    runState?.set(TOLD, true)
    return [{ type: 'context_compacted', data: {} }]
  }
  if (attributes[COMPACTED] !== true || runState?.has(TOLD)) return undefined
  runState?.set(TOLD, true)
  return [{ type: 'context_compacted', data: {}, confidence: 'heuristic' }]
}

/** Looks for structure only: text that holds the word is parsed, and nothing of it kept. */
function answersCompacted(messages: unknown): boolean {
  if (typeof messages === 'string' && !messages.includes('"compaction"')) return false
  // Attacker-controlled: a message history; at most 256 KiB are parsed.
  const list = typeof messages === 'string' ? jsonIn(messages) : messages
  if (!Array.isArray(list)) return false
  return list.some((message: unknown) => {
    const { parts } = record(message)
    return Array.isArray(parts) && parts.some((part: unknown) => record(part).type === 'compaction')
  })
}

function stopsToCompact(reasons: unknown): boolean {
  if (typeof reasons === 'string') return reasons === FINISHED || reasons.includes(`"${FINISHED}"`)
  return Array.isArray(reasons) && reasons.includes(FINISHED)
}
