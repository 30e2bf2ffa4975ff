import * as v from 'valibot'
import { amount, decision, diagnostic, digest, error, name, optional, payload, text, tool } from './shared-schemas.js'

const toolCall = {
  callId: name,
  tool,
  durationMs: optional(amount),
  resultDigest: optional(digest),
  /** The arguments, where they were not known when the call started. */
  arguments: optional(payload),
  result: optional(payload),
}

/** Events of tool calls and of their approvals. */
export const toolCallEvents = {
  tool_call_started: v.strictObject({
    callId: name,
    tool,
    argumentsDigest: optional(digest),
    arguments: optional(payload),
  }),
  tool_call_completed: v.strictObject(toolCall),
  tool_call_failed: v.strictObject({ ...toolCall, error: optional(error) }),
  tool_approval_requested: v.strictObject({
    callId: name,
    tool,
    by: optional(text),
    reason: optional(diagnostic),
    subjectDigest: optional(digest),
    nonce: optional(name),
  }),
  tool_approval_granted: v.strictObject({ callId: name, tool, ...decision }),
  tool_approval_denied: v.strictObject({ callId: name, tool, ...decision }),
} as const
