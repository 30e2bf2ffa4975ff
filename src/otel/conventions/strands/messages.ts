import type { Attributes } from '@opentelemetry/api'
import type { SpanLike } from '../../span.js'
import { json, record, text } from '../shared/attributes.js'
import { isCutJson, readJson } from '../shared/cut-json.js'

/* Strands tells some things in message events only, or, with the latest GenAI conventions, in attributes. */

const MESSAGES = 'gen_ai.output.messages'

/** Returns the arguments of a tool call. */
export function toolInput({ attributes, events }: SpanLike): unknown {
  // Attacker-controlled: arguments of a tool call, which a model wrote; at most 256 KiB and, where it is cut, 512
  // levels are read.
  const latest = readJson(attributes['gen_ai.tool.call.arguments']).value
  return latest ?? readJson(events.find(({ name }) => name === 'gen_ai.tool.message')?.attributes?.content).value
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

/** Tells whether the message that would say why it stopped is cut. */
export function isFinishCut({ events }: SpanLike): boolean {
  return events.some(({ attributes }) => isCutJson(attributes?.[MESSAGES]))
}

function finishReasonIn(attributes: Attributes): string | undefined {
  const messages = json(attributes, MESSAGES)
  const reason = record(Array.isArray(messages) ? messages.at(-1) : undefined).finish_reason
  return typeof reason === 'string' && reason !== '' ? reason : undefined
}
