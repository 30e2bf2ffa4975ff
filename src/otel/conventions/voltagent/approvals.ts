import type { SpanLike } from '../../span.js'
import type { Ancestors, ConventionState, Fact } from '../contract.js'
import { record } from '../shared/attributes.js'
import { readJson } from '../shared/cut-json.js'
import { fromClient } from '../shared/from-client.js'

/** Kept for the life of a run: ids of the calls whose approval was asked for. */
const ASKED_FOR = 'voltagent.askedFor'
/** Calls of one run whose approval is told. */
const MAX_CALLS = 256
const REQUESTED = 'approval-requested'
/** AI SDK's prefix of a part that is a call of a tool it knows. */
const CALL_OF = 'tool-'

/**
 * Returns the requests for approval in a message of the agent's that is stored. What a client sends as earlier messages of
 * the agent is stored in the same way: so they are claims. A message is stored as often as it grows, and each request is
 * told once.
 */
export function requestsIn({ attributes }: SpanLike, { runState }: Ancestors): readonly Fact[] | undefined {
  if (!runState || attributes['memory.operation'] !== 'write') return undefined
  return fromClient(attributes, 'input')?.tells((stored) => newRequests(stored, runState))
}

function newRequests(stored: string, runState: ConventionState): readonly Fact[] {
  if (!stored.includes(REQUESTED)) return []
  // Attacker-controlled: a stored message, which a client can send; at most 256 KiB and, where it is cut, 512 levels
  // are read, and facts from it are claims.
  const { role, parts } = record(record(readJson(stored).value).message)
  if (role !== 'assistant' || !Array.isArray(parts)) return []
  const known = askedFor(runState)
  const found = new Map(parts.flatMap((part) => requestOf(record(part))).filter(([id]) => !known.includes(id)))
  const told = [...found].slice(0, MAX_CALLS - known.length)
  runState.set(ASKED_FOR, [...known, ...told.map(([id]) => id)])
  return told.map(([, fact]) => fact)
}

function askedFor(runState: ConventionState): readonly string[] {
  return (runState.get(ASKED_FOR) as readonly string[] | undefined) ?? []
}

function requestOf({
  type,
  toolName,
  toolCallId,
  state,
}: Readonly<Record<string, unknown>>): readonly [string, Fact][] {
  if (state !== REQUESTED || typeof toolCallId !== 'string' || typeof type !== 'string') return []
  const own = typeof toolName === 'string' ? toolName : 'unknown'
  const name = type.startsWith(CALL_OF) ? type.slice(CALL_OF.length) : own
  return [[toolCallId, { type: 'tool_approval_requested', data: { callId: toolCallId, tool: { name } } }]]
}
