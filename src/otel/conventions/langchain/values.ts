import type { Attributes } from '@opentelemetry/api'
import { jsonIn, record } from '../shared/attributes.js'
import { readJson } from '../shared/cut-json.js'
import { type ClientContentKey, type FromClient, fromClient } from '../shared/from-client.js'

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

/** The keys under which an instrumentation puts the input and the output of what LangChain runs. */
export interface Dialect {
  /** A client's where it is that of a run; of a node it is the state of the graph, with the client's messages in it. */
  readonly input: ClientContentKey
  readonly output: 'output.value' | 'traceloop.entity.output'
}

/** OpenInference says here that an output is a text as it came, not what LangChain has serialised. */
const OUTPUT_TYPE = 'output.mime_type'

/** Parsed when its text contains the mark, or one of several. */
function outputWith(
  attributes: Attributes,
  key: Dialect['output'],
  mark: string | readonly string[],
  parse?: (text: string) => unknown,
): unknown {
  if (key === 'output.value' && attributes[OUTPUT_TYPE] === 'text/plain') return undefined
  return parsedWith(attributes[key], mark, parse)
}

function parsedWith(
  value: unknown,
  mark: string | readonly string[],
  parse: (text: string) => unknown = jsonIn,
): unknown {
  return typeof value === 'string' && [mark].flat().some((one) => value.includes(one)) ? parse(value) : undefined
}

/** As far as it can be read: for what stands where it stands, whatever comes behind a cut. */
function beginning(text: string): unknown {
  return readJson(text).value
}

/**
 * The output of a step, when its text contains `mark`; `undefined` where it gives back what it was given, as the first node
 * of a graph does, and a chain that returns the whole state: then its output says what the client said.
 */
function ownOutput(attributes: Attributes, { input, output }: Dialect, mark: string): unknown {
  const parsed = outputWith(attributes, output, mark)
  if (parsed === undefined) return undefined
  const isGivenBack = (text: string) => text === attributes[output] || beginAlike(jsonIn(text), parsed)
  return fromClient(attributes, input)?.borneOutBy('nesting', isGivenBack) ? undefined : parsed
}

function beginAlike(one: unknown, other: unknown): boolean {
  const [first] = messagesOf(one)
  return first !== undefined && jsonOf(first) === jsonOf(messagesOf(other)[0])
}

/** Nodes that LangChain's own agents are built of: going there hands nothing over. */
const INNER_NODE = /^(?:__\w+__|tools|model|model_request|agent|generate_structured_response)$|\.(?:before|after)_\w+$/

/** Where a `Command` sends the graph next, when that is one node of the user's. */
export function gotoTarget(attributes: Attributes, dialect: Dialect): string | undefined {
  const parsed = ownOutput(attributes, dialect, '"goto":')
  const { output } = record(parsed)
  const command = [parsed, output, ...(Array.isArray(output) ? output : [])].map(record).find(isCommand)
  const targets = [command?.goto ?? []].flat()
  const [target] = targets
  return targets.length === 1 && typeof target === 'string' && !INNER_NODE.test(target) ? target : undefined
}

/** Tells whether an output is a `Command` that is cut before it says where to go. */
export function isCutCommand(attributes: Attributes, key: Dialect['output']): boolean {
  const { extent, value } = readJson(attributes[key])
  return extent === 'cut' && [value, record(value).output].some((part) => isCommand(record(part)))
}

/** In Python a command is written without its class. */
const COMMAND_MEMBERS: ReadonlySet<string> = new Set(['graph', 'update', 'resume', 'goto'])

function isCommand(value: Readonly<Record<string, unknown>>): boolean {
  if (value.lg_name === 'Command') return true
  return 'goto' in value && Object.keys(value).every((key) => COMMAND_MEMBERS.has(key))
}

/** JSON text of what was parsed from JSON; `undefined` where it is nested so deep that writing it would overflow the stack. */
function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value)
  } catch {
    return undefined
  }
}

export interface Resumption {
  /** Of a human about the tool calls that waited; empty when something else was waited for. */
  readonly decisions: readonly ('granted' | 'denied')[]
}

const COMMAND_TEXT = /^\{"(?:lg_name":"Command"|(?:graph|update|resume|goto)":)/

/**
 * A graph goes on from a checkpoint when its input is a `Command` that resumes, or null. Who calls the graph says so, and
 * what was decided.
 */
export function resumptionIn(
  attributes: Attributes,
  key: Dialect['input'],
): FromClient<Resumption | undefined> | undefined {
  return fromClient(attributes, key)?.map((input) => {
    if (input === 'null' || input === '{"input":null}') return { decisions: [] }
    if (!COMMAND_TEXT.test(input)) return undefined
    const { value, openMember } = readJson(input)
    const command = record(value)
    if (!isCommand(command) || command.resume === undefined || command.resume === null) return undefined
    return { decisions: openMember === 'resume' ? [] : decisionsIn(command.resume) }
  })
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
  return decisionsOf(resume) ?? Object.values(record(resume)).flatMap((value) => decisionsOf(value) ?? [])
}

function decisionsOf(resume: unknown): readonly ('granted' | 'denied')[] | undefined {
  const { decisions } = record(resume)
  const direct = Array.isArray(resume) ? resume : Array.isArray(decisions) ? decisions : undefined
  if (!direct) return undefined
  const known = direct.map((decision) => DECISIONS.get(record(decision).type))
  return known.every((decision) => decision !== undefined) ? known : []
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

function messagesOf(state: unknown): readonly unknown[] {
  const { messages } = record(state)
  return Array.isArray(messages) ? messages : []
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
