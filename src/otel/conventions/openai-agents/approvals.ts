import type { Attributes } from '@opentelemetry/api'
import type { Fact } from '../contract.js'
import { text } from '../shared/attributes.js'
import type { SpanError } from '../shared/outcome.js'

/*
 * `@openai/agents` has no span for an approval. A run that waits for one ends without an error, and the calls that wait
 * are those the model asked for which never began; the run that goes on begins with them, before any model call.
 */

/** A call the model asked for. */
export interface AskedCall {
  readonly callId: string
  readonly name: string
}

/** Calls in an answer beyond this many are not looked at. */
const MAX_CALLS = 64
const CALL_NAME = /^llm\.output_messages\.\d+\.message\.tool_calls\.\d+\.tool_call\.function\.name$/
const DENIED = /was manually rejected by user|^Tool execution was not approved/

/** The calls a model asked for; `undefined` when its answer is not told. */
export function callsAskedFor(attributes: Attributes): readonly AskedCall[] | undefined {
  const calls: AskedCall[] = []
  let answered = false
  for (const key in attributes) {
    if (!key.startsWith('llm.output_messages.')) continue
    answered = true
    const name = CALL_NAME.test(key) ? text(attributes, key) : undefined
    if (name === undefined || calls.length === MAX_CALLS) continue
    calls.push({ name, callId: text(attributes, key.replace(/function\.name$/, 'id')) ?? name })
  }
  return answered ? calls : undefined
}

/** Tells whether a tool did not run because its approval was denied: the wording is all that tells. */
export function isDenial({ message }: SpanError): boolean {
  return DENIED.test(message)
}

export function approvalRequested({ callId, name }: AskedCall, confidence?: 'heuristic'): Fact {
  return { type: 'tool_approval_requested', data: { callId, tool: { name } }, confidence }
}
