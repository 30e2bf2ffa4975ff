import * as v from 'valibot'
import {
  agentSchema,
  amount,
  count,
  diagnostic,
  digest,
  error,
  name,
  optional,
  payload,
  text,
  timestampSchema,
} from './shared-schemas.js'

/** Parameters of a model. */
const modelParameters = v.strictObject({
  temperature: optional(v.pipe(v.number(), v.finite())),
  topP: optional(amount),
  topK: optional(amount),
  maxTokens: optional(count),
  seed: optional(v.pipe(v.number(), v.safeInteger())),
})

/** The consumption of a run or a model call. */
const usageFields = {
  inputTokens: count,
  outputTokens: count,
  totalTokens: count,
  cachedInputTokens: optional(count),
  cacheCreationInputTokens: optional(count),
  reasoningTokens: optional(count),
  costUsd: optional(amount),
}
const usage = v.strictObject(usageFields)

const ended = { startedAt: optional(timestampSchema), durationMs: optional(amount) }

/** Axes that instrumentations report; any other string is accepted. */
export const LIMIT_AXES = [
  'requests',
  'turns',
  'tool_calls',
  'input_tokens',
  'output_tokens',
  'total_tokens',
  'cost_usd',
  'duration_ms',
  'quota',
] as const

/** Events of a run: its start and ends, its errors and consumption, and the agents that it calls. */
export const runEvents = {
  run_started: v.strictObject({
    agent: agentSchema,
    model: optional(text),
    trigger: optional(text),
    agentVersion: optional(text),
    serviceVersion: optional(text),
    /** The revision of the code that runs, such as a commit. */
    codeRevision: optional(text),
    modelParameters: optional(modelParameters),
    systemPromptDigest: optional(digest),
    configurationDigest: optional(digest),
    /** The person or service for whom the agent acts, and under which grant. */
    onBehalfOf: optional(name),
    grant: optional(text),
  }),
  run_completed: v.strictObject({ ...ended, usage: optional(usage), finishReason: optional(text) }),
  run_failed: v.strictObject({ ...ended, error, usage: optional(usage) }),
  run_cancelled: v.strictObject({ ...ended, reason: optional(diagnostic), by: optional(text), usage: optional(usage) }),
  run_suspended: v.strictObject({
    ...ended,
    reason: optional(diagnostic),
    waitingFor: optional(text),
    usage: optional(usage),
  }),
  run_interrupted: v.strictObject({
    ...ended,
    /** `process_died`: found at the next open. `abandoned`: its span never ended. */
    reason: v.picklist(['process_died', 'abandoned']),
    lastEvent: optional(v.strictObject({ type: name, time: timestampSchema, seq: optional(count) })),
    usage: optional(usage),
  }),
  error_occurred: v.strictObject({ error, operation: text }),
  token_usage_updated: v.strictObject({
    ...usageFields,
    model: optional(text),
    provider: optional(text),
    responseId: optional(text),
    /** The messages that the model got. */
    prompt: optional(payload),
    /** The messages that it answered with. */
    completion: optional(payload),
  }),
  usage_limit_exceeded: v.strictObject({ axis: name, limit: optional(amount), observed: optional(amount) }),
  sub_agent_invoked: v.strictObject({ agentId: name, subThreadId: text, subRunId: optional(name) }),
  agent_handoff: v.strictObject({ from: optional(name), to: name }),
  resumed: v.strictObject({ fromCheckpoint: optional(text) }),
} as const
