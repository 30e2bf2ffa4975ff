import type { Attributes } from '@opentelemetry/api'
import { hasDropped, type SpanLike } from '../../span.js'
import type { Fact } from '../contract.js'
import { jsonIn, record } from '../shared/attributes.js'
import { isCutJson, MAX_JSON_LENGTH, readJson } from '../shared/cut-json.js'
import { type FromClient, fromClient } from '../shared/from-client.js'

/*
 * The evidence that the prompt of an AI SDK call holds of the call before it. A loop that cannot go on (a tool needs
 * approval, or is the client's to run) ends, and the next call begins with the answer: its prompt ends with a message of the
 * role `tool`.
 *
 * A prompt is what the application got from its client, mostly unchecked: all that is told from it is a claim. The SDK
 * then runs what the prompt says was approved, and that is told by spans of its own.
 */

/** A call the model asked for. */
export interface AskedCall {
  readonly callId: string
  readonly name: string
}

/** The way in which a call goes on where another ended. */
export interface Continuation {
  readonly facts: readonly Fact[] | undefined
  /** Calls whose approval was answered, in a prompt that does not tell how. */
  readonly answered: FromClient<readonly AskedCall[]>
}

/** The facts that a prompt tells about the preceding call. */
interface Story {
  readonly facts: readonly Fact[]
  readonly answered: readonly AskedCall[]
}

type Part = Readonly<Record<string, unknown>>

interface Message {
  readonly role: unknown
  readonly parts: readonly Part[]
}

/** Approvals in one prompt beyond this many are counted only: a client can make up any number of them. */
const MAX_APPROVALS = 64

const RESUMED: Fact = { type: 'resumed', data: {} }

/** Version 5, 6 and 7 in legacy mode: `ai.prompt`. Version 7: `gen_ai.input.messages`. */
export function continuationIn(attributes: Attributes): Continuation | undefined {
  const story = fromClient(attributes, 'ai.prompt', 'gen_ai.input.messages')?.map(storyIn)
  return story && { facts: story.tells((told) => told?.facts), answered: story.map((told) => told?.answered ?? []) }
}

function storyIn(prompt: string): Story | undefined {
  if (!mayEndWithToolMessage(prompt)) return undefined
  if (prompt.length > MAX_JSON_LENGTH)
    return endsWithToolMessage(prompt) ? { facts: [RESUMED], answered: [] } : undefined
  // Attacker-controlled: the message history of a request, which a client can make up; at most 256 KiB are parsed,
  // and facts from it are claims.
  const messages = messagesOf(jsonIn(prompt))
  const last = messages.at(-1)
  if (last?.role !== 'tool') return undefined
  const responses = last.parts.filter(({ type }) => type === 'tool-approval-response')
  if (responses.length === 0) return { facts: [RESUMED], answered: [] }
  const asked = messages.filter(({ role }) => role === 'assistant').flatMap(({ parts }) => parts)
  return responses.every(({ approvalId }) => typeof approvalId === 'string')
    ? { facts: [RESUMED, ...decisions(responses, asked, last.parts)], answered: [] }
    : anonymous(responses, asked, messages)
}

/**
 * Looked for in the text first: parsing a conversation at every start of a run would cost too much. Where there are
 * answers about approvals, the order of members in the text is not relied upon: it is the client's.
 */
function mayEndWithToolMessage(prompt: string): boolean {
  return prompt.includes('"tool-approval-response"') || endsWithToolMessage(prompt)
}

/** By the last role in the text, which is not cut. Quotes within content have a backslash before them. */
function endsWithToolMessage(prompt: string): boolean {
  if (!/[\]}]$/.test(prompt)) return false
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

/**
 * Returns the decisions on the requests that the responses name. Each request is about a call that the prompt
 * attributes to the model. Follows the SDK: only the first response about a call counts, and none if the call has its
 * result.
 */
function decisions(responses: readonly Part[], asked: readonly Part[], answers: readonly Part[]): readonly Fact[] {
  const calls = callsIn(asked)
  const requests = new Map(
    asked
      .filter(({ type }) => type === 'tool-approval-request')
      .map(({ approvalId, toolCallId }) => [approvalId, calls.get(toolCallId)]),
  )
  const settled = new Set(answers.flatMap(({ type, toolCallId }) => (type === 'tool-result' ? [toolCallId] : [])))
  const decided = responses.flatMap(({ approvalId, approved }) => {
    const call = requests.get(approvalId)
    if (!call || settled.has(call.callId) || typeof approved !== 'boolean') return []
    settled.add(call.callId)
    return [{ call, approved }]
  })
  return [
    ...decided
      .slice(0, MAX_APPROVALS)
      .flatMap(({ call, approved }) => [requested(call), approved ? granted(call) : denied(call)]),
    ...omitted(decided.length),
  ]
}

/**
 * Version 7 leaves out whose the requests and the responses are. Where there are as many as calls without a result, they
 * are these; whether they were granted shows in their being run.
 */
function anonymous(responses: readonly Part[], asked: readonly Part[], messages: readonly Message[]): Story {
  const results = new Set(
    messages.flatMap(({ parts }) => parts.flatMap(({ type, id }) => (type === 'tool_call_response' ? [id] : []))),
  )
  const open = [...callsIn(asked).values()].filter(({ callId }) => !results.has(callId))
  if (open.length !== responses.length) return { facts: [RESUMED], answered: [] }
  const answered = open.slice(0, MAX_APPROVALS)
  return { facts: [RESUMED, ...answered.map(requested), ...omitted(open.length)], answered }
}

/** Says how many approvals are told by their number alone. */
function omitted(approvals: number): readonly Fact[] {
  if (approvals <= MAX_APPROVALS) return []
  return [{ type: 'custom', data: { name: 'tool_approvals_omitted', count: approvals - MAX_APPROVALS } }]
}

function callsIn(parts: readonly Part[]): ReadonlyMap<unknown, AskedCall> {
  return new Map(parts.flatMap(callOf).map((call) => [call.callId, call]))
}

/** A call in a message or in an answer: each version has names of its own. */
function callOf(part: Part): readonly AskedCall[] {
  const callId = part.toolCallId ?? part.id
  const name = part.toolName ?? part.name
  const isCall = part.type === undefined || part.type === 'tool-call' || part.type === 'tool_call'
  return isCall && typeof callId === 'string' && typeof name === 'string' ? [{ callId, name }] : []
}

/** The calls a model asked for, as far as they are of tools that were offered to it, and stand before a cut. */
export function callsAskedFor(span: SpanLike): readonly AskedCall[] {
  const { attributes } = span
  // Attacker-controlled: the answer of a model; at most 256 KiB and, where it is cut, 512 levels are read.
  const answer = readJson(attributes['ai.response.toolCalls'] ?? attributes['gen_ai.output.messages']).value
  if (!Array.isArray(answer)) return []
  const parts = answer.map(record).flatMap((part) => (Array.isArray(part.parts) ? part.parts.map(record) : [part]))
  const done = new Set(parts.flatMap(({ type, id }) => (type === 'tool_call_response' ? [id] : [])))
  const tools = attributes['ai.prompt.tools'] ?? attributes['gen_ai.tool.definitions']
  const offered = String(tools ?? '')
  // Of a list that is cut, the rest is unknown: a model hardly asks for what it was not offered.
  const isOffered = (name: string) => offered.includes(`"name":${JSON.stringify(name)}`)
  const maybeOffered = isCutJson(tools) || (tools === undefined && hasDropped(span))
  return parts
    .filter(({ providerExecuted }) => providerExecuted !== true)
    .flatMap(callOf)
    .filter(({ callId, name }) => !done.has(callId) && (maybeOffered || isOffered(name)))
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
