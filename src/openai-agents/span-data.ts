import type { Attributes } from '@opentelemetry/api'

/*
 * The content of the SDK's span data, under the names of OpenInference, whose bridge reports the same spans so. Content
 * is looked through for calls and counts, and left behind.
 */

type Data = Readonly<Record<string, unknown>>

/** Calls in one answer beyond this many are not told. */
const MAX_CALLS = 64
const COUNTS: readonly (readonly [attribute: string, ...paths: string[]])[] = [
  ['llm.token_count.prompt', 'input_tokens', 'prompt_tokens'],
  ['llm.token_count.completion', 'output_tokens', 'completion_tokens'],
  ['llm.token_count.total', 'total_tokens'],
  [
    'llm.token_count.prompt_details.cache_read',
    'cached_input_tokens',
    'input_tokens_details.cached_tokens',
    'prompt_tokens_details.cached_tokens',
    'details.cached_tokens',
  ],
  ['llm.token_count.prompt_details.cache_write', 'cache_write_input_tokens'],
  [
    'llm.token_count.completion_details.reasoning',
    'output_tokens_details.reasoning_tokens',
    'completion_tokens_details.reasoning_tokens',
    'details.reasoning_tokens',
  ],
]

/** Returns the name of a span: the same as the bridge gives it. */
export function nameOf(data: Data): string {
  if (data.type === 'handoff') return typeof data.to_agent === 'string' ? `handoff to ${data.to_agent}` : 'handoff'
  return typeof data.name === 'string' && data.name !== '' ? data.name : String(data.type)
}

/** Returns the attributes of a span that has ended. */
export function attributesOf(data: Data): Attributes {
  const attributes: Attributes = {}
  if (data.type === 'function') {
    // As far as the SDK was not told to keep them out of its traces.
    if (typeof data.input === 'string') attributes['gen_ai.tool.call.arguments'] = data.input
    if (typeof data.output === 'string') attributes['gen_ai.tool.call.result'] = data.output
  }
  if (typeof data.triggered === 'boolean') attributes['guardrail.triggered'] = data.triggered
  if (typeof data.model === 'string') attributes['llm.model_name'] = data.model
  // Attacker-controlled: the answers of a model; 64 calls are read, and of each its id and name.
  const answers = answersOf(data)
  for (const answer of answers) {
    if (typeof answer.id === 'string') attributes['gen_ai.response.id'] = answer.id
    if (typeof answer.model === 'string') attributes['llm.model_name'] = answer.model
  }
  if (typeof data.response_id === 'string') attributes['gen_ai.response.id'] = data.response_id
  addUsage(attributes, data.usage === undefined ? answers.map((answer) => answer.usage) : [data.usage])
  addCalls(attributes, data, answers)
  return attributes
}

/** The answers of the model, as far as the SDK was not told to keep them out of its traces. */
function answersOf(data: Data): readonly Data[] {
  if (data.type === 'response') return isData(data._response) ? [data._response] : []
  return data.type === 'generation' ? listOf(data.output) : []
}

function addUsage(attributes: Attributes, reports: readonly unknown[]): void {
  for (const [attribute, ...paths] of COUNTS) {
    for (const report of reports) {
      const count = paths.map((path) => valueAt(report, path)).find((value) => typeof value === 'number')
      if (count !== undefined) attributes[attribute] = Number(attributes[attribute] ?? 0) + Number(count)
    }
  }
}

function addCalls(attributes: Attributes, data: Data, answers: readonly Data[]): void {
  if (answers.length > 0) attributes['llm.output_messages.0.message.role'] = 'assistant'
  const calls = answers.flatMap((answer) => (data.type === 'response' ? responseCalls(answer) : chatCalls(answer)))
  for (const [index, { id, name }] of calls.slice(0, MAX_CALLS).entries()) {
    const call = `llm.output_messages.${index}.message.tool_calls.0.tool_call`
    attributes[`${call}.function.name`] = name
    if (typeof id === 'string') attributes[`${call}.id`] = id
  }
}

interface Call {
  readonly id: unknown
  readonly name: string
}

function responseCalls({ output }: Data): readonly Call[] {
  return listOf(output).flatMap(({ type, call_id, id, name }) => {
    const asks = type === 'function_call' || type === 'mcp_approval_request'
    return asks && typeof name === 'string' ? [{ id: call_id ?? id, name }] : []
  })
}

/** A chat completion, or one of its messages. */
function chatCalls(answer: Data): readonly Call[] {
  const messages = answer.choices === undefined ? [answer] : listOf(answer.choices).map((choice) => choice.message)
  return messages
    .flatMap((message) => listOf(isData(message) ? message.tool_calls : undefined))
    .flatMap(({ id, function: asked }) => {
      const name = isData(asked) ? asked.name : undefined
      return typeof name === 'string' ? [{ id, name }] : []
    })
}

function valueAt(value: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((holder, name) => (isData(holder) ? holder[name] : undefined), value)
}

function listOf(value: unknown): readonly Data[] {
  return Array.isArray(value) ? value.filter(isData) : []
}

function isData(value: unknown): value is Data {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
