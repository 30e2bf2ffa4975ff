import * as v from 'valibot'
import { CONFIDENCES } from './confidence.js'
import { parseTimestamp } from './time.js'

/*
 * The one definition of every event type. TypeScript types, runtime validation, the published JSON Schema
 * and the reading of `spanledger.*` attributes all come from here.
 */

const text = v.string()
const name = v.pipe(v.string(), v.minLength(1))
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const amount = v.pipe(v.number(), v.finite(), v.minValue(0))
const optional = <S extends v.GenericSchema>(schema: S) => v.optional(schema)

/** RFC 3339; sealing normalises it to UTC with nine fraction digits. */
export const timestampSchema = v.pipe(
  v.string(),
  v.check((value) => parseTimestamp(value) !== undefined, 'Expected an RFC 3339 time such as 2026-11-21T22:35:06.753Z'),
  v.metadata({ format: 'date-time' }),
)

const error = v.strictObject({ code: name, message: text })
const tool = v.strictObject({ name, type: optional(text) })
export const agentSchema = v.strictObject({ id: optional(name), name: optional(name) })

/**
 * Digest of content that is not recorded: algorithm and lower-case hexadecimal digits, such as `sha256:` and 64 of them. Equal
 * digests of one algorithm and key mean equal content.
 */
const digest = v.pipe(text, v.regex(/^[a-z][\da-z-]*:(?:[\da-f]{2}){16,64}$/))

/** The kinds of those who decide: a person, a rule that somebody wrote, the software by itself. */
export const DECIDERS = ['person', 'rule', 'automatic'] as const

/** A decision, as far as it is told. */
const decision = {
  decider: optional(v.picklist(DECIDERS)),
  /** The person or the rule. */
  by: optional(text),
  reason: optional(text),
  /** Digest of what was decided on, such as the arguments of a call. */
  subjectDigest: optional(digest),
  /** A value that is good for one decision, so that nobody can use the decision again. */
  nonce: optional(name),
}

/** Parameters of a model. */
const modelParameters = v.strictObject({
  temperature: optional(v.pipe(v.number(), v.finite())),
  topP: optional(amount),
  topK: optional(amount),
  maxTokens: optional(count),
  seed: optional(v.pipe(v.number(), v.safeInteger())),
})

/** What a run or a model call consumed. */
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
const toolCall = { callId: name, tool, durationMs: optional(amount), resultDigest: optional(digest) }
const openRuns = v.array(v.strictObject({ runId: name, agent: optional(agentSchema), startedAt: timestampSchema }))

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

/** Schema of `data`, by event type. */
export const catalogue = {
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
  run_cancelled: v.strictObject({ ...ended, reason: text, by: optional(text), usage: optional(usage) }),
  run_suspended: v.strictObject({ ...ended, reason: text, waitingFor: optional(text), usage: optional(usage) }),
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
  }),
  usage_limit_exceeded: v.strictObject({ axis: name, limit: optional(amount), observed: optional(amount) }),
  sub_agent_invoked: v.strictObject({ agentId: name, subThreadId: text, subRunId: optional(name) }),
  agent_handoff: v.strictObject({ from: optional(name), to: name }),
  resumed: v.strictObject({ fromCheckpoint: optional(text) }),
  memory_recall: v.strictObject({ tier: text, namespaceKey: optional(text), hits: optional(count) }),
  context_compacted: v.strictObject({
    droppedChars: optional(count),
    retainedChars: optional(count),
    droppedTokens: optional(count),
    retainedTokens: optional(count),
    droppedMessages: optional(count),
  }),
  tool_call_started: v.strictObject({ callId: name, tool, argumentsDigest: optional(digest) }),
  tool_call_completed: v.strictObject(toolCall),
  tool_call_failed: v.strictObject({ ...toolCall, error: optional(error) }),
  tool_approval_requested: v.strictObject({
    callId: name,
    tool,
    by: optional(text),
    reason: optional(text),
    subjectDigest: optional(digest),
    nonce: optional(name),
  }),
  tool_approval_granted: v.strictObject({ callId: name, tool, ...decision }),
  tool_approval_denied: v.strictObject({ callId: name, tool, ...decision }),
  policy_violation: v.strictObject({ rule: name, action: text }),
  /** A policy was asked. A decision not to act is one as well. */
  policy_decision: v.strictObject({
    policy: name,
    version: optional(text),
    /** The rule of the policy that decided. */
    rule: optional(text),
    /** Such as `allow`, `deny`, `require_approval`, `flag`. */
    verdict: name,
    /** The action that followed. */
    action: optional(text),
    /** The tool, agent or resource that it was about. */
    target: optional(text),
    ...decision,
  }),
  /** A guardrail has looked at an input, an output or a call. What it broke is a `policy_violation` besides. */
  guardrail_evaluated: v.strictObject({
    guardrail: name,
    /** Such as `input`, `output`, `tool`. */
    stage: optional(text),
    /** Such as `pass`, `fail`. */
    verdict: name,
    action: optional(text),
    target: optional(text),
    subjectDigest: optional(digest),
  }),
  memory_written: v.strictObject({
    tier: text,
    namespaceKey: optional(text),
    operation: optional(text),
    records: optional(count),
  }),
  memory_deleted: v.strictObject({ tier: text, namespaceKey: optional(text), records: optional(count) }),
  /** Somebody outside the agent stepped in: a kill switch, an override. */
  intervention: v.strictObject({
    /** Such as `kill_switch`, `override`, `pause`. */
    kind: name,
    target: optional(text),
    ...decision,
  }),
  /**
   * From here on the run belongs to the tenant and the session that this event names: an instrumentation told them late.
   * Once a run, from unknown to named. Earlier events of the run stay as they are, and count as those of its tenant.
   */
  run_identified: v.strictObject({
    /** The tenant and the session under which its earlier events are filed. */
    previous: v.strictObject({ tenantId: optional(name), sessionId: optional(name) }),
  }),
  /** A run that has a tenant or a session was told to belong to another one. It stays where it is. */
  run_identity_conflict: v.strictObject({ tenantId: optional(name), sessionId: optional(name) }),
  audit_attached: v.strictObject({ attachment: name, openRuns }),
  audit_detached: v.strictObject({ attachment: name, openRuns }),
  /** Spans did not come to the processor: the process was not audited as a whole. */
  auditing_impaired: v.strictObject({
    /** Codes of `AuditHealthReason`: `foreign_provider`. */
    reasons: v.array(name),
    /** The number of spans that are missing. */
    spans: optional(count),
    from: timestampSchema,
    to: timestampSchema,
  }),
  /** Recording was switched off for a part of what an attached processor saw. */
  auditing_suppressed: v.strictObject({ spans: count, events: count, from: timestampSchema, to: timestampSchema }),
  /** The system clock moved by more than a second against the monotonic clock. */
  clock_stepped: v.strictObject({
    /** The time that the clock should have told. */
    from: timestampSchema,
    /** The time that it told. */
    to: timestampSchema,
    /** The system says that its clock follows a time server; left out where it does not say. */
    synchronized: optional(v.boolean()),
  }),
  events_dropped: v.strictObject({ count, reason: name, from: timestampSchema, to: timestampSchema }),
  /** Entries before this one were taken over from the journal of a process that died. */
  events_recovered: v.strictObject({
    count,
    /** The number of these events that nothing outside the log's directory attests. */
    unattested: count,
    /** `recordedAt` of the first and of the last of them. */
    from: timestampSchema,
    to: timestampSchema,
  }),
  /** The journal of a log that was closed in order had more than the log wrote: it was kept aside and not taken over. */
  journal_set_aside: v.strictObject({ files: count, bytes: count }),
  /** Entries before this one were recorded by a process that had no log yet, and taken over from its staging journal. */
  staging_adopted: v.strictObject({
    /** Id of the staging journal. */
    staging: name,
    count,
    /** The number of these events that nothing outside the ledger's directory attests. */
    unattested: count,
    /** `recordedAt` of the first and of the last of them. */
    from: timestampSchema,
    to: timestampSchema,
    /** The process that recorded them had ended, or given them up: another one took them over. */
    ownerDied: v.boolean(),
  }),
  /** From the entry of this event on, another key signs the log's checkpoints. */
  signing_key_changed: v.strictObject({
    /** The key before: its vkey, or `name+key id` where no more is known. */
    from: text,
    /** The vkey of the key from now on. */
    to: text,
    /**
     * Signed note of the key before, whose text says so: `spanledger.dev/signing-key-changed`, the origin, the position
     * of this entry and the new vkey, a line each.
     */
    statement: optional(text),
  }),
  /** This log belongs to a ledger. Of several statements of a log the last counts. */
  ledger_joined: v.strictObject({
    /** Origin of the ledger's log 0, whose key is the key of the ledger. */
    ledger: name,
    /** Number of this log in the ledger. */
    log: v.pipe(count, v.minValue(1)),
    /** The vkey of this log. */
    vkey: name,
    /**
     * Signed note of the ledger's key, whose text says so: `spanledger.dev/ledger-log`, the ledger, the number and the
     * vkey, a line each. Left out where that key was not at hand.
     */
    statement: optional(text),
  }),
  /** Sizes and roots of other logs of the ledger, as this log saw them in their checkpoints. */
  siblings_noted: v.strictObject({
    /** The logs that have changed since this log noted them before. */
    logs: v.array(
      v.strictObject({
        /** Number of the log in the ledger. */
        log: count,
        origin: name,
        /** Number of its entries. */
        size: count,
        /** Root hash over them, in base64. */
        root: name,
        /** Signature of the checkpoint by the key of that name, as its line has it: key id and signature, in base64. */
        signature: optional(text),
      }),
    ),
  }),
  /** The log was opened though it does not continue what was known of it. */
  audit_log_diverged: v.strictObject({
    reason: name,
    /** Number of entries it should have had at least. */
    expectedSize: optional(count),
    foundSize: count,
    /** Root hash over the entries that were found, in base64. */
    foundRoot: text,
    /** The checkpoint that it does not continue: a signed note. */
    checkpoint: optional(text),
  }),
  custom: v.looseObject({ name }),
} as const satisfies Record<string, v.GenericSchema>

/** How an event's stored form differs from what was handed in. */
const alteration = v.strictObject({
  /** Dotted path, e.g. `data.error.message`. */
  field: v.string(),
  /** `truncated`, `removed`, `unreadable` (a getter threw), `cyclic`, `too_deep`, `not_json`, `malformed_unicode`, `missing`, `invalid`. */
  reason: v.picklist([
    'truncated',
    'removed',
    'unreadable',
    'cyclic',
    'too_deep',
    'not_json',
    'malformed_unicode',
    'missing',
    'invalid',
  ]),
  /** Size in UTF-16 code units before truncation. */
  originalLength: optional(count),
})

/** The fields every event has beside `type` and `data`. */
export const envelopeFields = {
  v: v.literal(1),
  id: name,
  time: timestampSchema,
  recordedAt: timestampSchema,
  tenantId: name,
  sessionId: name,
  runId: optional(name),
  parentRunId: optional(name),
  /** The id of the event that this one corrects: a guess, where this is the fact. Of a run's terminal events the one that nothing supersedes is valid. */
  supersedes: optional(name),
  agent: optional(agentSchema),
  actor: optional(v.strictObject({ id: name })),
  trace: optional(
    v.strictObject({
      traceId: v.pipe(text, v.regex(/^[0-9a-f]{32}$/)),
      spanId: v.pipe(text, v.regex(/^[0-9a-f]{16}$/)),
      parentSpanId: optional(v.pipe(text, v.regex(/^[0-9a-f]{16}$/))),
    }),
  ),
  /** Ids that a remote caller named. No filter and no right goes by them. */
  claimed: optional(
    v.strictObject({
      tenantId: optional(name),
      sessionId: optional(name),
      userId: optional(name),
      /** The event's `parentRunId` is the caller's word. */
      parentRunId: optional(name),
    }),
  ),
  source: v.strictObject({
    convention: name,
    scope: text,
    scopeVersion: optional(text),
    service: optional(text),
    /**
     * `heuristic`: the event rests on a guess, such as the wording of a message. `claimed`: it rests on what a client of
     * the application supplied, such as a message history, which proves nothing.
     */
    confidence: optional(v.picklist(CONFIDENCES)),
  }),
  /** Origin of the log that says this of itself. Only the log sets it; elsewhere the event has no authority. */
  statementOf: optional(name),
  /**
   * 128 random bits, in hexadecimal, of an event whose id its caller chose. Nobody can guess the content of such an event
   * from its leaf hash, which stays when the event is removed; a random id does the same for any other event.
   */
  salt: optional(v.pipe(v.string(), v.regex(/^[\da-f]{32}$/))),
  altered: optional(v.array(alteration)),
} as const

/** What a caller of `append()` may leave out: the log fills it in. */
export const inputFields = {
  v: optional(envelopeFields.v),
  id: optional(envelopeFields.id),
  time: optional(envelopeFields.time),
  tenantId: optional(envelopeFields.tenantId),
  sessionId: optional(envelopeFields.sessionId),
  runId: envelopeFields.runId,
  parentRunId: envelopeFields.parentRunId,
  supersedes: envelopeFields.supersedes,
  agent: envelopeFields.agent,
  actor: envelopeFields.actor,
  trace: envelopeFields.trace,
  claimed: envelopeFields.claimed,
  source: optional(envelopeFields.source),
} as const
