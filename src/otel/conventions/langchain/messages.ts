import type { Attributes } from '@opentelemetry/api'
import { jsonIn, record } from '../shared/attributes.js'
import { type FromClient, fromClient } from '../shared/from-client.js'
import { beginning, type Dialect, jsonOf, messagesOf, outputWith, ownOutput, parsedWith } from './serialised.js'

/* The messages in the state of a graph, and in what its nodes return. */

/** A tool call that a message of the model asks for. */
export interface ToolCall {
  readonly name: string
  readonly id?: string | undefined
  /** As JSON text. */
  readonly arguments?: string | undefined
}

type Message = Readonly<Record<string, unknown>>

/** The classes of messages as Python tells them: `{ type: 'ai', data: { … } }`. */
const PYTHON_CLASSES: ReadonlyMap<unknown, string> = new Map([
  ['ai', 'AIMessage'],
  ['human', 'HumanMessage'],
  ['tool', 'ToolMessage'],
  ['remove', 'RemoveMessage'],
])
const ANSWERS = ['"AIMessage', '"type": "ai"']
const PYTHON_TOOL_MESSAGE = '"type": "tool"'

/** The class a message was serialised with; plain messages have none. */
function classOf(message: unknown): unknown {
  const { id, type, data } = record(message)
  if (Array.isArray(id)) return id.at(-1)
  return data === undefined ? undefined : PYTHON_CLASSES.get(type)
}

function kwargsOf(message: unknown): Message {
  const { kwargs, data } = record(message)
  return record(kwargs ?? data)
}

const SENT_CALL = '"lg_tool_call":'

/** The tool calls a node was started for: the one it was sent, or those of the last answer of the model. */
export function toolCallsIn(
  attributes: Attributes,
  key: Dialect['input'],
): FromClient<readonly ToolCall[]> | undefined {
  return fromClient(attributes, key)?.map((input) => {
    // It comes last, after a state of any length.
    const at = input.lastIndexOf(SENT_CALL)
    // Attacker-controlled: the state of a graph, with the messages of its client; at most 256 KiB behind the mark are
    // parsed, and the result stays in `FromClient`.
    const sent = at < 0 ? undefined : jsonIn(input.slice(at + SENT_CALL.length, -1))
    if (sent !== undefined) return asToolCalls([sent])
    const { tool_calls } = kwargsOf(lastAnswerIn(parsedWith(input, '"tool_calls"')))
    return Array.isArray(tool_calls) ? asToolCalls(tool_calls) : []
  })
}

function lastAnswerIn(state: unknown): unknown {
  return messagesOf(state).findLast(isAnswer)
}

function isAnswer(message: unknown): boolean {
  return /^AIMessage/.test(String(classOf(message)))
}

function asToolCalls(calls: readonly unknown[]): readonly ToolCall[] {
  return calls.map(record).flatMap(({ name, id, args }) => {
    if (typeof name !== 'string' || name === '') return []
    return [{ name, id: typeof id === 'string' && id !== '' ? id : undefined, arguments: jsonOf(args) }]
  })
}

/** The name of the agent whose answer, the last in a node's state, asked for what the node runs. */
export function askingAgent(attributes: Attributes, key: Dialect['input']): FromClient<string | undefined> | undefined {
  return fromClient(attributes, key)?.map((input) => nameOf(lastAnswerIn(parsedWith(input, ANSWERS))))
}

/**
 * The name of the agent that gave the last answer in the state that a graph ends with; what a middleware answers bears
 * none. Only what comes behind the messages of the client is the agent's: they can bear any name.
 */
export function answeringAgent(attributes: Attributes, { input, output }: Dialect): string | undefined {
  const messages = messagesOf(outputWith(attributes, output, ANSWERS))
  const given = messageCount(attributes, input)
  const asked = messages.findLastIndex((message) => classOf(message) === 'HumanMessage')
  const own = messages.slice(Math.max(given, asked + 1))
  return own
    .filter(isAnswer)
    .map(nameOf)
    .findLast((name) => name !== undefined)
}

/** Counts the messages that a step was given. That it was given them is evidence, whoever wrote them. */
function messageCount(attributes: Attributes, key: Dialect['input']): number {
  return fromClient(attributes, key)?.borneOutBy('nesting', (input) => messagesOf(jsonIn(input)).length) ?? 0
}

function nameOf(message: unknown): string | undefined {
  const { name } = kwargsOf(message)
  return typeof name === 'string' && name !== '' ? name : undefined
}

/**
 * The id that the provider gave a model's answer. LangChain makes one up where there is none; in Python always, and keeps
 * the provider's beside it.
 */
export function responseIdIn(attributes: Attributes, key: Dialect['output']): string | undefined {
  const { generations } = record(outputWith(attributes, key, '"generations"', beginning))
  const [generation] = [generations].flat(2)
  const { id, response_metadata } = kwargsOf(record(generation).message)
  return [id, record(response_metadata).id].find((given) => typeof given === 'string' && isGivenId(given)) as
    | string
    | undefined
}

function isGivenId(id: string): boolean {
  return id !== '' && !/^(?:lc_)?run-/.test(id)
}

/** The message that a tool's result became. */
export function toolMessageIn(attributes: Attributes, key: Dialect['output']): Message | undefined {
  const parsed = record(outputWith(attributes, key, ['"ToolMessage"', PYTHON_TOOL_MESSAGE], beginning))
  const message = classOf(parsed) === 'ToolMessage' ? parsed : record(parsed.output)
  return classOf(message) === 'ToolMessage' ? kwargsOf(message) : undefined
}

/** Messages that a summary took the place of; `undefined` when a node's output is no summary. */
export function summarisedMessages(attributes: Attributes, dialect: Dialect): number | 'some' | undefined {
  const messages = messagesOf(ownOutput(attributes, dialect, '"lc_source":"summarization"'))
  if (classOf(messages[0]) !== 'RemoveMessage') return undefined
  const before = messageCount(attributes, dialect.input)
  // What removes all, and the summary, are none of those that were kept.
  const kept = messages.length - 2
  return before > kept ? before - kept : 'some'
}

/** The limit at which a middleware of LangChain ended a run, or refused its tool calls, without an error. */
export function limitInOutput(attributes: Attributes, dialect: Dialect): 'requests' | 'tool_calls' | undefined {
  const state = record(ownOutput(attributes, dialect, 'CallCount"'))
  if (state.jumpTo === 'end' && 'runModelCallCount' in state) return 'requests'
  const [first] = messagesOf(state)
  const refused = classOf(first) === 'ToolMessage' && kwargsOf(first).status === 'error'
  return refused && 'runToolCallCount' in state ? 'tool_calls' : undefined
}
