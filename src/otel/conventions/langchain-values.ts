import type { Attributes } from '@opentelemetry/api'
import { json, jsonIn, record } from './attributes.js'

/*
 * What LangChain and LangGraph serialise into the inputs and outputs of their runs: messages, commands, interrupts.
 * It is searched for structure (who goes next, which tool was asked for), and nothing of its text is kept. Every look
 * begins with a search of the raw text, so that what has nothing to say is not parsed.
 */

export interface ToolCall {
  readonly name: string
  readonly id?: string | undefined
  /** As JSON text. */
  readonly arguments?: string | undefined
}

/** Parsed when its text contains `mark`. */
function parsedWith(attributes: Attributes, key: string, mark: string): unknown {
  const value = attributes[key]
  return typeof value === 'string' && value.includes(mark) ? json(attributes, key) : undefined
}

/** Nodes that LangChain's own agents are built of: going there hands nothing over. */
const INNER_NODE = /^(?:__\w+__|tools|model|model_request|agent|generate_structured_response)$|\.(?:before|after)_\w+$/

/** Where a `Command` sends the graph next, when that is one node of the user's. */
export function gotoTarget(attributes: Attributes, key: string): string | undefined {
  const parsed = parsedWith(attributes, key, '"goto":[')
  const { output } = record(parsed)
  const command = [parsed, output, ...(Array.isArray(output) ? output : [])].map(record).find(isCommand)
  const targets = Array.isArray(command?.goto) ? command.goto : []
  const [target] = targets
  return targets.length === 1 && typeof target === 'string' && !INNER_NODE.test(target) ? target : undefined
}

function isCommand(value: Readonly<Record<string, unknown>>): boolean {
  return value.lg_name === 'Command'
}

export interface Resumption {
  /** Of a human about the tool calls that waited; empty when something else was waited for. */
  readonly decisions: readonly ('granted' | 'denied')[]
}

/** A graph goes on from a checkpoint when its input is a `Command` that resumes, or null. */
export function resumptionIn(attributes: Attributes, key: string): Resumption | undefined {
  const value = attributes[key]
  if (value === 'null' || value === '{"input":null}') return { decisions: [] }
  if (typeof value !== 'string' || !value.startsWith('{"lg_name":"Command"')) return undefined
  const command = record(json(attributes, key))
  return 'resume' in command ? { decisions: decisionsIn(command.resume) } : undefined
}

const DECISIONS = new Map<unknown, 'granted' | 'denied'>([
  ['approve', 'granted'],
  ['accept', 'granted'],
  ['edit', 'granted'],
  ['reject', 'denied'],
  ['ignore', 'denied'],
  ['respond', 'denied'],
  ['response', 'denied'],
])

/** `{ decisions }` of the middleware, a list of older versions, or either by interrupt id. */
function decisionsIn(resume: unknown): readonly ('granted' | 'denied')[] {
  const { decisions } = record(resume)
  const direct = Array.isArray(resume) ? resume : Array.isArray(decisions) ? decisions : undefined
  if (!direct) {
    return Object.values(record(resume)).flatMap((value) => (typeof value === 'object' ? decisionsIn(value) : []))
  }
  const known = direct.map((decision) => DECISIONS.get(record(decision).type))
  return known.every((decision) => decision !== undefined) ? known : []
}

export interface Interrupt {
  readonly id: string
  /** Tool calls that wait for a human. */
  readonly requested: readonly string[]
}

/** The interrupts that the text of a `GraphInterrupt` lists. */
export function interruptsIn(message: string): readonly Interrupt[] {
  const list = jsonIn(message)
  if (!Array.isArray(list)) return []
  return list.map(record).map(({ id, value }, index) => ({
    id: typeof id === 'string' ? id : String(index),
    requested: [value].flat().flatMap(requestedTools),
  }))
}

function requestedTools(value: unknown): readonly string[] {
  const { actionRequests, action_requests, action_request } = record(value)
  return [actionRequests ?? action_requests ?? action_request ?? []].flat().flatMap((request) => {
    const { name, action } = record(request)
    return [name ?? action].filter((text) => typeof text === 'string')
  })
}

type Message = Readonly<Record<string, unknown>>

/** The class a message was serialised with; plain messages have none. */
function classOf(message: unknown): unknown {
  const { id } = record(message)
  return Array.isArray(id) ? id.at(-1) : undefined
}

function messagesOf(state: unknown): readonly unknown[] {
  const { messages } = record(state)
  return Array.isArray(messages) ? messages : []
}

function kwargsOf(message: unknown): Message {
  return record(record(message).kwargs)
}

const SENT_CALL = '"lg_tool_call":'

/** The tool calls a node was started for: the one it was sent, or those of the last answer of the model. */
export function toolCallsIn(attributes: Attributes, key: string): readonly ToolCall[] {
  const value = attributes[key]
  if (typeof value !== 'string') return []
  // It comes last, after a state of any length.
  const at = value.lastIndexOf(SENT_CALL)
  const sent = at < 0 ? undefined : jsonIn(value.slice(at + SENT_CALL.length, -1))
  if (sent !== undefined) return asToolCalls([sent])
  const state = parsedWith(attributes, key, '"tool_calls"')
  const answer = messagesOf(state).findLast((message) => /^AIMessage/.test(String(classOf(message))))
  const { tool_calls } = kwargsOf(answer)
  return Array.isArray(tool_calls) ? asToolCalls(tool_calls) : []
}

function asToolCalls(calls: readonly unknown[]): readonly ToolCall[] {
  return calls.map(record).flatMap(({ name, id, args }) => {
    if (typeof name !== 'string' || name === '') return []
    return [{ name, id: typeof id === 'string' && id !== '' ? id : undefined, arguments: JSON.stringify(args) }]
  })
}

/** The name of the agent that gave the last answer in a state; what a middleware answers bears none. */
export function answeringAgent(attributes: Attributes, key: string): string | undefined {
  const state = parsedWith(attributes, key, '"AIMessage')
  const names = messagesOf(state).map(
    (message) => /^AIMessage/.test(String(classOf(message))) && kwargsOf(message).name,
  )
  return names.findLast((name): name is string => typeof name === 'string' && name !== '')
}

/** The id that the provider gave a model's answer. LangChain makes one up where there is none. */
export function responseIdIn(attributes: Attributes, key: string): string | undefined {
  const { generations } = record(parsedWith(attributes, key, '"generations"'))
  const [generation] = [generations].flat(2)
  const { id } = kwargsOf(record(generation).message)
  return typeof id === 'string' && id !== '' && !/^(?:lc_)?run-/.test(id) ? id : undefined
}

/** The message that a tool's result became. */
export function toolMessageIn(attributes: Attributes, key: string): Message | undefined {
  const parsed = record(parsedWith(attributes, key, '"ToolMessage"'))
  const message = classOf(parsed) === 'ToolMessage' ? parsed : record(parsed.output)
  return classOf(message) === 'ToolMessage' ? kwargsOf(message) : undefined
}

/** Messages that a summary took the place of; `undefined` when a node's output is no summary. */
export function summarisedMessages(attributes: Attributes, input: string, output: string): number | 'some' | undefined {
  const messages = messagesOf(parsedWith(attributes, output, '"lc_source":"summarization"'))
  if (classOf(messages[0]) !== 'RemoveMessage') return undefined
  const before = messagesOf(json(attributes, input)).length
  // What removes all, and the summary, are none of those that were kept.
  const kept = messages.length - 2
  return before > kept ? before - kept : 'some'
}

/** The limit at which a middleware of LangChain ended a run, or refused its tool calls, without an error. */
export function limitInOutput(attributes: Attributes, key: string): 'requests' | 'tool_calls' | undefined {
  const state = record(parsedWith(attributes, key, 'CallCount"'))
  if (state.jumpTo === 'end' && 'runModelCallCount' in state) return 'requests'
  const [first] = messagesOf(state)
  const refused = classOf(first) === 'ToolMessage' && kwargsOf(first).status === 'error'
  return refused && 'runToolCallCount' in state ? 'tool_calls' : undefined
}
