import type { Attributes } from '@opentelemetry/api'
import { jsonIn, record, text } from './attributes.js'
import type { Fact } from './contract.js'

/*
 * What the prompt of an AI SDK call says of the one before it. A loop that cannot go on (a tool needs approval, or is the
 * client's to run) ends, and the next call begins with the answer: its prompt ends with a message of the role `tool`.
 */

/** A call the model asked for. */
export interface AskedCall {
  readonly callId: string
  readonly name: string
}

/** How a call goes on where another ended. */
export interface Continuation {
  readonly facts: readonly Fact[]
  /** Calls whose approval was answered, in a prompt that does not tell how. */
  readonly answered: readonly AskedCall[]
}

type Part = Readonly<Record<string, unknown>>

interface Message {
  readonly role: unknown
  readonly parts: readonly Part[]
}

const RESUMED: Fact = { type: 'resumed', data: {} }

/** Version 5, 6 and 7 in legacy mode: `ai.prompt`. Version 7: `gen_ai.input.messages`. */
export function continuationIn(attributes: Attributes): Continuation | undefined {
  const prompt = text(attributes, 'ai.prompt', 'gen_ai.input.messages')
  if (prompt === undefined || !endsWithToolMessage(prompt)) return undefined
  const messages = messagesOf(jsonIn(prompt))
  const last = messages.at(-1)
  if (last?.role !== 'tool') return undefined
  const responses = last.parts.filter(({ type }) => type === 'tool-approval-response')
  if (responses.length === 0) return { facts: [RESUMED], answered: [] }
  const calls = callsIn(messages)
  return responses.every(({ approvalId }) => typeof approvalId === 'string')
    ? { facts: [RESUMED, ...decisions(responses, messages, calls)], answered: [] }
    : anonymous(responses, messages, calls)
}

/** Looked for in the text first: parsing a conversation at every start of a run would cost too much. */
function endsWithToolMessage(prompt: string): boolean {
  const role = prompt.lastIndexOf('"role":"')
  return role >= 0 && prompt.startsWith('tool"', role + '"role":"'.length)
}

function messagesOf(prompt: unknown): readonly Message[] {
  const { messages, prompt: given } = record(prompt)
  const list = [prompt, messages, given].find(Array.isArray) ?? []
  return list.map((message: unknown) => {
    const { role, content, parts } = record(message)
    return { role, parts: [content, parts].find(Array.isArray)?.map(record) ?? [] }
  })
}

/** What was decided on the requests that the responses name. */
function decisions(
  responses: readonly Part[],
  messages: readonly Message[],
  calls: ReadonlyMap<unknown, AskedCall>,
): readonly Fact[] {
  const requests = new Map(
    messages
      .flatMap(({ parts }) => parts)
      .filter(({ type }) => type === 'tool-approval-request')
      .map(({ approvalId, toolCallId }) => [approvalId, calls.get(toolCallId)]),
  )
  return responses.flatMap(({ approvalId, approved }) => {
    const call = requests.get(approvalId)
    if (!call || typeof approved !== 'boolean') return []
    return [requested(call), approved ? granted(call) : denied(call)]
  })
}

/**
 * Version 7 leaves out whose the requests and the responses are. Where there are as many as calls without a result, they
 * are these; whether they were granted shows in their being run.
 */
function anonymous(
  responses: readonly Part[],
  messages: readonly Message[],
  calls: ReadonlyMap<unknown, AskedCall>,
): Continuation {
  const results = new Set(
    messages.flatMap(({ parts }) => parts.flatMap(({ type, id }) => (type === 'tool_call_response' ? [id] : []))),
  )
  const answered = [...calls.values()].filter(({ callId }) => !results.has(callId))
  if (answered.length !== responses.length) return { facts: [RESUMED], answered: [] }
  return { facts: [RESUMED, ...answered.map(requested)], answered }
}

function callsIn(messages: readonly Message[]): ReadonlyMap<unknown, AskedCall> {
  return new Map(messages.flatMap(({ parts }) => parts.flatMap(callOf).map((call) => [call.callId, call])))
}

/** A call in a message or in an answer: each version has names of its own. */
function callOf(part: Part): readonly AskedCall[] {
  const callId = part.toolCallId ?? part.id
  const name = part.toolName ?? part.name
  const isCall = part.type === undefined || part.type === 'tool-call' || part.type === 'tool_call'
  return isCall && typeof callId === 'string' && typeof name === 'string' ? [{ callId, name }] : []
}

/** The calls a model asked for, as far as they are of tools that were offered to it. */
export function callsAskedFor(attributes: Attributes): readonly AskedCall[] {
  const answer = jsonIn(attributes['ai.response.toolCalls'] ?? attributes['gen_ai.output.messages'])
  if (!Array.isArray(answer)) return []
  const parts = answer.map(record).flatMap((part) => (Array.isArray(part.parts) ? part.parts.map(record) : [part]))
  const done = new Set(parts.flatMap(({ type, id }) => (type === 'tool_call_response' ? [id] : [])))
  const offered = String(attributes['ai.prompt.tools'] ?? attributes['gen_ai.tool.definitions'] ?? '')
  return parts
    .filter(({ providerExecuted }) => providerExecuted !== true)
    .flatMap(callOf)
    .filter(({ callId, name }) => !done.has(callId) && offered.includes(`"name":${JSON.stringify(name)}`))
}

export function requested({ callId, name }: AskedCall): Fact {
  return { type: 'tool_approval_requested', data: { callId, tool: { name } } }
}

export function granted({ callId, name }: AskedCall): Fact {
  return { type: 'tool_approval_granted', data: { callId, tool: { name } } }
}

export function denied({ callId, name }: AskedCall): Fact {
  return { type: 'tool_approval_denied', data: { callId, tool: { name } } }
}
