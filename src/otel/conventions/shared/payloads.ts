import type { Attributes } from '@opentelemetry/api'
import type { SpanLike } from '../../span.js'
import { flattenedLists, unflattened } from './flattened.js'

/*
 * What an agent works with: arguments and results of tools, messages of models. Instrumentations agree on few names; each value is
 * passed on as it is, and the policy of the log decides what becomes of it. Of each table the first name that has a value counts.
 * Names of one line belong together: where several have a value, all of them are passed on, under the words behind them.
 */

/** A name of an attribute, or names that belong together, each with the word for its part. */
type Names = string | readonly (readonly [name: string, part: string])[]

const ARGUMENTS: readonly Names[] = [
  'gen_ai.tool.call.arguments',
  'gen_ai.tool.input',
  'ai.toolCall.args',
  'gcp.vertex.agent.tool_call_args',
  'gen_ai.tool.args',
  'spring.ai.tool.call.arguments',
  'tool_arguments',
  'tool_input',
  'tool_parameters',
  'function_args',
  'mastra.tool_call.input',
  'mastra.mcp_tool_call.input',
  'input.value',
  'traceloop.entity.input',
  'langfuse.observation.input',
  'langwatch.input',
  'lmnr.span.input',
  'mlflow.spanInputs',
  'genkit:input',
  'gen_ai.prompt',
  'input',
  'arguments',
  'parameters',
]
/** The arguments, with some instrumentations; with others the schema that arguments have to fit. */
const SCHEMA_OR_ARGUMENTS = 'tool.parameters'
const SCHEMA = /^\s*\{\s*"(?:\$schema|def|_def|type|properties|~standard|jsonSchema)"/

const RESULTS: readonly Names[] = [
  'gen_ai.tool.call.result',
  'gen_ai.tool.output',
  'ai.toolCall.result',
  'gcp.vertex.agent.tool_response',
  'spring.ai.tool.call.result',
  'tool_response',
  'tool.result',
  'mastra.tool_call.output',
  'mastra.mcp_tool_call.output',
  'output.value',
  'traceloop.entity.output',
  'langfuse.observation.output',
  'langwatch.output',
  'lmnr.span.output',
  'mlflow.spanOutputs',
  'genkit:output',
  'gen_ai.completion',
  'output',
]
const PROMPTS: readonly Names[] = [
  [
    ['gen_ai.input.messages', 'messages'],
    ['gen_ai.system_instructions', 'instructions'],
  ],
  'gen_ai.request.messages',
  'ai.prompt.messages',
  'ai.prompt',
  'gcp.vertex.agent.llm_request',
  'request_text',
  'llm.messages',
  'input.value',
  'traceloop.entity.input',
  'langfuse.observation.input',
  'langwatch.input',
  'lmnr.span.input',
  'mlflow.spanInputs',
  'genkit:input',
  'gen_ai.prompt',
  'events',
  'input',
]
const COMPLETIONS: readonly Names[] = [
  'gen_ai.output.messages',
  [
    ['ai.response.text', 'text'],
    ['ai.response.reasoning', 'reasoning'],
    ['ai.response.toolCalls', 'toolCalls'],
    ['ai.response.object', 'object'],
  ],
  [
    ['gen_ai.response.text', 'text'],
    ['gen_ai.response.tool_calls', 'toolCalls'],
  ],
  'gcp.vertex.agent.llm_response',
  'response_text',
  'output.value',
  'traceloop.entity.output',
  'langfuse.observation.output',
  'langwatch.output',
  'lmnr.span.output',
  'mlflow.spanOutputs',
  'genkit:output',
  'gen_ai.completion',
  'output',
]
/** Beginnings of names that hold messages taken apart, each number a place in a list. */
const FLATTENED_PROMPTS = flattenedLists('llm.input_messages', 'gen_ai.prompt', 'llm.prompts')
const FLATTENED_COMPLETIONS = flattenedLists('llm.output_messages', 'gen_ai.completion', 'llm.completions')

/* Events of spans, by their names: the attribute that holds the value. */
const ARGUMENT_EVENTS: EventNames = new Map([['gen_ai.tool.message', 'content']])
const RESULT_EVENTS: EventNames = new Map([['gen_ai.choice', 'message']])
const PROMPT_EVENTS: EventNames = new Map([
  ['gen_ai.content.prompt', 'gen_ai.prompt'],
  ['gen_ai.client.inference.operation.details', 'gen_ai.input.messages'],
  ['gen_ai.system.message', 'content'],
  ['gen_ai.user.message', 'content'],
  ['gen_ai.assistant.message', 'content'],
  ['gen_ai.tool.message', 'content'],
])
const COMPLETION_EVENTS: EventNames = new Map([
  ['gen_ai.content.completion', 'gen_ai.completion'],
  ['gen_ai.client.inference.operation.details', 'gen_ai.output.messages'],
  ['gen_ai.choice', 'message'],
])

type EventNames = ReadonlyMap<string, string>
type Payload<Field extends string> = { readonly [F in Field]?: unknown }
/** The parts of a span, or of a log record, that may hold a value. */
type Told = Pick<SpanLike, 'attributes'> & Partial<Pick<SpanLike, 'events'>>

/** Returns the arguments that a tool call was reported with. */
export function argumentsIn(told: Told): Payload<'arguments'> | undefined {
  const value = firstIn(told.attributes, ARGUMENTS) ?? unlessSchema(told.attributes) ?? inEvents(told, ARGUMENT_EVENTS)
  return value === undefined ? undefined : { arguments: value }
}

/** Returns the result that a tool call was reported with. */
export function resultIn(told: Told): Payload<'result'> | undefined {
  const value = firstIn(told.attributes, RESULTS) ?? inEvents(told, RESULT_EVENTS)
  return value === undefined ? undefined : { result: value }
}

/** Returns the messages that a call of a model was reported with. */
export function messagesIn(told: Told): Payload<'prompt' | 'completion'> | undefined {
  const { attributes } = told
  const prompt =
    firstIn(attributes, PROMPTS) ?? unflattened(attributes, FLATTENED_PROMPTS) ?? inEvents(told, PROMPT_EVENTS)
  const completion =
    firstIn(attributes, COMPLETIONS) ??
    unflattened(attributes, FLATTENED_COMPLETIONS) ??
    inEvents(told, COMPLETION_EVENTS)
  if (prompt === undefined && completion === undefined) return undefined
  return { ...(prompt !== undefined && { prompt }), ...(completion !== undefined && { completion }) }
}

function firstIn(attributes: Attributes, table: readonly Names[]): unknown {
  for (const names of table) {
    const value = typeof names === 'string' ? given(attributes[names]) : partsIn(attributes, names)
    if (value !== undefined) return value
  }
  return undefined
}

/** One value as it is, several under their words. */
function partsIn(attributes: Attributes, names: Exclude<Names, string>): unknown {
  const parts = names.filter(([name]) => given(attributes[name]) !== undefined)
  const [first] = parts
  if (!first) return undefined
  if (parts.length === 1) return attributes[first[0]]
  return Object.fromEntries(parts.map(([name, part]) => [part, attributes[name]]))
}

function given(value: unknown): unknown {
  return value === null || value === '' ? undefined : value
}

function unlessSchema(attributes: Attributes): unknown {
  const value = given(attributes[SCHEMA_OR_ARGUMENTS])
  return typeof value === 'string' && SCHEMA.test(value) ? undefined : value
}

/** The value of the one event that has any; else of each its role, or kind, and its value. */
function inEvents({ events }: Told, names: EventNames): unknown {
  if (!events || events.length === 0) return undefined
  const found: { readonly role: string; readonly content: unknown }[] = []
  for (const { name, attributes = {} } of events) {
    const key = names.get(name)
    const content = key === undefined ? undefined : given(attributes[key])
    if (content === undefined) continue
    const { role } = attributes
    found.push({ role: typeof role === 'string' ? role : (name.split('.').at(-2) ?? name), content })
  }
  return found.length <= 1 ? found[0]?.content : found
}
