import { beforeAll, describe, expect, test } from 'vitest'
import type { StoredEvent } from '../../src/events/index.js'
import { AuditLogRecordProcessor } from '../../src/otel/log-records.js'
import { AuditSpanProcessor } from '../../src/otel/processor.js'
import { CollectingLog } from '../support/collecting-log.js'
import { deliver } from './play.js'
import { frameworks, labelsOf, type Recording, readRecording } from './recording.js'

/*
 * Each attribute of a recording that looks like content is read as content, or it is decided here that it is not. One that is in no list
 * fails the test.
 */

/** Arguments, results, prompts and completions. Log records are named `log:` and their event, span events by the event. */
const PAYLOADS = [
  'ai.prompt.messages',
  'ai.response.text',
  'ai.response.toolCalls',
  'ai.toolCall.args',
  'ai.toolCall.result',
  'gcp.vertex.agent.llm_request',
  'gcp.vertex.agent.llm_response',
  'gcp.vertex.agent.tool_call_args',
  'gcp.vertex.agent.tool_response',
  'gen_ai.assistant.message content',
  'gen_ai.choice message',
  'gen_ai.input.messages',
  'gen_ai.output.messages',
  'gen_ai.response.tool_calls',
  'gen_ai.system.message content',
  'gen_ai.system_instructions',
  'gen_ai.tool.call.arguments',
  'gen_ai.tool.call.result',
  'gen_ai.tool.message content',
  'gen_ai.user.message content',
  'genkit:input',
  'genkit:output',
  'input',
  'input.value',
  'langwatch.input',
  'langwatch.output',
  'log:event otel/src/tool_result.rs:N arguments',
  'log:event otel/src/tool_result.rs:N output',
  'log:qwen-code.tool_call function_args',
  'log:tool_result tool_input',
  'output',
  'output.value',
  'parameters',
  'traceloop.entity.input',
  'traceloop.entity.output',
]

/** Read where nothing else holds the same, which `payloads.test.ts` beside the conventions shows. */
const PAYLOADS_ELSEWHERE_TOO = [
  'ai.prompt',
  'gen_ai.client.inference.operation.details gen_ai.input.messages',
  'gen_ai.client.inference.operation.details gen_ai.output.messages',
  'llm.input_messages.N.message.content',
  'llm.input_messages.N.message.tool_calls.N.tool_call.function.arguments',
  'llm.output_messages.N.message.content',
  'llm.output_messages.N.message.contents.N.message_content.text',
  'llm.output_messages.N.message.contents.N.tool_call.function.arguments',
  'llm.output_messages.N.message.tool_calls.N.tool_call.function.arguments',
  'llm.messages',
  'log:tool_decision tool_parameters',
  'log:tool_result tool_parameters',
  'mlflow.spanOutputs',
  'tool.parameters',
]

/** Messages, stack traces and reasons. */
const DIAGNOSTICS = [
  'error',
  'error.stack',
  'exception exception.message',
  'exception exception.stacktrace',
  'exception.stacktrace',
  'log:gemini_cli.tool_call error',
  'log:gemini_cli.tool_call error.message',
  'log:tool_result error',
  'workflow.step.suspension_reason',
  'workflow.suspended suspension.reason',
]

/** Left behind, by the reason. */
const IGNORED: Readonly<Record<string, readonly string[]>> = {
  'what a run got and gave: its model calls and tool calls tell that': [
    'agent.messages',
    'agent.messages.ui',
    'final_result',
    'gen_ai.workflow.input',
    'gen_ai.workflow.output',
    'history',
    'mastra.agent_run.input',
    'mastra.agent_run.output',
    'mastra.mapping.input',
    'mastra.mapping.output',
    'mastra.model_chunk.output',
    'mastra.model_inference.output',
    'mastra.model_step.input',
    'mastra.model_step.output',
    'mastra.workflow_run.input',
    'mastra.workflow_run.output',
    'mastra.workflow_step.input',
    'mastra.workflow_step.output',
    'workflow.resumed resume.data',
    'workflow.suspended suspension.checkpoint',
  ],
  'how an agent, a tool or a request is set up': [
    'agent.instructions',
    'agent.stateSnapshot',
    'ai.prompt.toolChoice',
    'ai.response.providerMetadata',
    'data',
    'gen_ai.agent.description',
    'gen_ai.agent.handoffs',
    'gen_ai.agent.tools',
    'gen_ai.graph.edges',
    'gen_ai.graph.nodes',
    'gen_ai.request.available_tools',
    'gen_ai.tool.definitions',
    'gen_ai.tool.description',
    'genkit:metadata:context',
    'github.copilot.context.skills',
    'llm.invocation_parameters',
    'llm.tools.N.tool.json_schema',
    'log:gen_ai.client.inference.operation.details gen_ai.system_instructions',
    'logfire.json_schema',
    'logfire.msg',
    'mastra.metadata.modelMetadata',
    'mastra.metadata.providerMetadata',
    'mastra.tags',
    'metadata',
    'model_request_parameters',
    'tool.description',
    'workflow.stateSnapshot',
  ],
  'numbers, words of a list, and the transport': [
    'ai.embedding',
    'gen_ai.response.finish_reasons',
    'http.request.header.authorization',
    'http.request.header.user_agent',
    'http.request.header.x_api_key',
    'http.response.header.date',
    'http.user_agent',
    'key',
    'langfuse.observation.usage_details',
    'langwatch.metrics',
    'log:gemini_cli.startup_stats phases',
    'mlflow.chat.tokenUsage',
    'user_agent.original',
    'workflow.usage',
  ],
  'what was found by a look-up: the number of hits is recorded': [
    'langwatch.contexts',
    'retrieval.documents.N.document.metadata',
  ],
  'log records of model calls, which come apart from the spans that tell of them': [
    ...[
      'args',
      'arguments',
      'candidates',
      'error',
      'input',
      'message',
      'messages',
      'output',
      'reason',
      'result',
      'usage',
    ].map((key) => `log: ${key}`),
    'log:gen_ai.client.inference.operation.details gen_ai.input.messages',
    'log:gen_ai.client.inference.operation.details gen_ai.output.messages',
  ],
  'words of a coding agent about itself, or already redacted by it': [
    'log:event otel/src/events/session_telemetry.rs:N prompt',
    'log:gemini_cli.model_routing reasoning',
    'log:qwen-code.api_request request_text',
    'log:qwen-code.subagent_execution execution_summary',
  ],
}

/** Values of the attributes that look like content, by their keys. */
const recorded = new Map<string, Set<string>>()
/** All that the payloads of the events hold: each whole, and each part. */
const payloads = new Set<string>()

beforeAll(async () => {
  for (const framework of frameworks()) {
    if (framework === 'openai-agents-native') continue
    for (const scenario of Object.keys(labelsOf(framework))) {
      const recording = readRecording(framework, scenario)
      for (const [key, value] of attributesOf(recording)) {
        if (!looksLikeContent(value)) continue
        const known = recorded.get(key) ?? new Set()
        recorded.set(key, known.add(asText(value)))
      }
      for (const { data } of await eventsOf(recording)) {
        const { arguments: given, result, prompt, completion } = data as Readonly<Record<string, unknown>>
        for (const value of [given, result, prompt, completion]) addParts(value)
      }
    }
  }
}, 120_000)

describe('of the attributes of the recordings that look like content', () => {
  test('each is decided on', () => {
    const decided = new Set([...PAYLOADS, ...PAYLOADS_ELSEWHERE_TOO, ...DIAGNOSTICS, ...Object.values(IGNORED).flat()])
    expect([...recorded.keys()].filter((key) => !decided.has(key))).toEqual([])
    expect([...decided].filter((key) => !recorded.has(key))).toEqual([])
  })

  test('those that are payloads are in the events as they were recorded', () => {
    const missed = PAYLOADS.filter((key) => ![...(recorded.get(key) ?? [])].some((value) => payloads.has(value)))
    expect(missed).toEqual([])
  })
})

async function eventsOf(recording: Recording): Promise<readonly StoredEvent[]> {
  const log = new CollectingLog()
  const audit = new AuditSpanProcessor({ log })
  await deliver(recording, audit, new AuditLogRecordProcessor(audit))
  await audit.shutdown()
  return log.events
}

function* attributesOf({ spans, logs }: Recording): Generator<readonly [string, unknown]> {
  for (const { attributes, events } of spans) {
    yield* keyed('', attributes)
    for (const event of events) yield* keyed(`${event.name} `, event.attributes ?? {})
  }
  for (const { eventName, attributes } of logs) {
    yield* keyed(`log:${eventName ?? attributes['event.name'] ?? ''} `, attributes)
  }
}

function* keyed(beginning: string, attributes: object): Generator<readonly [string, unknown]> {
  for (const [key, value] of Object.entries(attributes)) yield [(beginning + key).replace(/\d+/g, 'N'), value]
}

/** A list or an object, or a text of several words or lines. */
function looksLikeContent(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return typeof (Array.isArray(value) ? value[0] : value) === 'object'
  return typeof value === 'string' && value.length > 2 && /^[{[]|\n|(?: .*){3}/.test(value)
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function addParts(value: unknown): void {
  if (value === undefined || value === null) return
  payloads.add(asText(value))
  if (typeof value === 'object') for (const part of Object.values(value)) addParts(part)
}
