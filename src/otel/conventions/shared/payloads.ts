import type { Attributes } from '@opentelemetry/api'

/*
 * Attributes that hold what an agent works with. Instrumentations agree on few names; each value is passed on as it is: the
 * policy of the log decides what becomes of it.
 */

const ARGUMENTS = [
  'gen_ai.tool.call.arguments',
  'ai.toolCall.args',
  'gcp.vertex.agent.tool_call_args',
  'gen_ai.tool.args',
  'tool_arguments',
  'tool_parameters',
  'input.value',
  'traceloop.entity.input',
  'genkit:input',
  'input',
] as const
const RESULTS = [
  'gen_ai.tool.call.result',
  'ai.toolCall.result',
  'gcp.vertex.agent.tool_response',
  'tool_response',
  'output.value',
  'traceloop.entity.output',
  'genkit:output',
  'output',
] as const
const PROMPTS = [
  'gen_ai.input.messages',
  'ai.prompt.messages',
  'ai.prompt',
  'input.value',
  'traceloop.entity.input',
  'genkit:input',
  'input',
] as const
const COMPLETIONS = [
  'gen_ai.output.messages',
  'ai.response.text',
  'ai.response.toolCalls',
  'output.value',
  'traceloop.entity.output',
  'genkit:output',
  'output',
] as const

type Payload<Field extends string> = { readonly [F in Field]?: unknown }

/** Returns the arguments that the span of a tool call has. */
export function argumentsIn(attributes: Attributes): Payload<'arguments'> | undefined {
  const value = firstIn(attributes, ARGUMENTS)
  return value === undefined ? undefined : { arguments: value }
}

/** Returns the result that the span of a tool call has. */
export function resultIn(attributes: Attributes): Payload<'result'> | undefined {
  const value = firstIn(attributes, RESULTS)
  return value === undefined ? undefined : { result: value }
}

/** Returns what the span of a model call has of its messages. */
export function messagesIn(attributes: Attributes): Payload<'prompt' | 'completion'> | undefined {
  const [prompt, completion] = [firstIn(attributes, PROMPTS), firstIn(attributes, COMPLETIONS)]
  if (prompt === undefined && completion === undefined) return undefined
  return { ...(prompt !== undefined && { prompt }), ...(completion !== undefined && { completion }) }
}

function firstIn(attributes: Attributes, names: readonly string[]): unknown {
  for (const name of names) {
    const value = attributes[name]
    if (value !== undefined && value !== null && value !== '') return value
  }
  return undefined
}
