import type { Attributes } from '@opentelemetry/api'
import type { SpanLike } from '../../span.js'
import { json, jsonIn, record, text } from '../shared/attributes.js'

/* Strands tells some things in message events only, or, with the latest GenAI conventions, in attributes. */

/** What a tool was called with. */
export function toolInput({ attributes, events }: SpanLike): unknown {
  const latest = json(attributes, 'gen_ai.tool.call.arguments')
  return latest ?? jsonIn(events.find(({ name }) => name === 'gen_ai.tool.message')?.attributes?.content)
}

/** Why the agent or the model stopped, by the last message. */
export function finishReasonOf({ attributes, events }: SpanLike): string | undefined {
  for (let i = events.length - 1; i >= 0; i--) {
    const told = events[i]?.attributes ?? {}
    const reason = text(told, 'finish_reason') ?? finishReasonIn(told)
    if (reason !== undefined) return reason
  }
  return finishReasonIn(attributes)
}

function finishReasonIn(attributes: Attributes): string | undefined {
  const messages = json(attributes, 'gen_ai.output.messages')
  const reason = record(Array.isArray(messages) ? messages.at(-1) : undefined).finish_reason
  return typeof reason === 'string' && reason !== '' ? reason : undefined
}
