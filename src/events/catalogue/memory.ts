import * as v from 'valibot'
import { count, optional, text } from './shared-schemas.js'

/** Events of an agent's memory and of its context. */
export const recallEvents = {
  memory_recall: v.strictObject({ tier: text, namespaceKey: optional(text), hits: optional(count) }),
  context_compacted: v.strictObject({
    droppedChars: optional(count),
    retainedChars: optional(count),
    droppedTokens: optional(count),
    retainedTokens: optional(count),
    droppedMessages: optional(count),
  }),
} as const

/** Changes of an agent's memory. */
export const memoryChangeEvents = {
  memory_written: v.strictObject({
    tier: text,
    namespaceKey: optional(text),
    operation: optional(text),
    records: optional(count),
  }),
  memory_deleted: v.strictObject({ tier: text, namespaceKey: optional(text), records: optional(count) }),
} as const
