import * as v from 'valibot'
import { CONFIDENCES } from '../confidence.js'
import { agentSchema, count, digest, name, optional, text, timestampSchema } from './shared-schemas.js'

/** A difference between an event's stored form and the event that was handed in. */
const alteration = v.strictObject({
  /** Dotted path, e.g. `data.error.message`. */
  field: v.string(),
  /**
   * `truncated`, `removed`, `unreadable` (a getter threw), `cyclic`, `too_deep`, `not_json`, `malformed_unicode`, `missing`,
   * `invalid`. Of content: `redacted`, `redaction_failed` (it was left out), `key_unavailable` (it was left out).
   */
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
    'redacted',
    'redaction_failed',
    'key_unavailable',
  ]),
  /** The detector or redactor that changed it, such as `payment_card`, or that failed. */
  by: optional(name),
  /** Size in UTF-16 code units before truncation. */
  originalLength: optional(count),
})

/** Content that was taken out of an event: free text and values from outside. */
const contentItem = v.strictObject({
  /** Dotted path of the field that it was, such as `data.error.message`. */
  field: name,
  class: v.picklist(['diagnostic', 'payload']),
  /**
   * SHA-256(s ‖ value), where s = HMAC-SHA-256(the subject's digest key, value). `value` is what is left after redaction and
   * cutting: JSON as RFC 8785 writes it, any other text as UTF-8.
   */
  digest,
  /** UTF-8 bytes of `value`. */
  bytes: count,
  /** `content`: the value is kept, encrypted, beside the entries. `digest`: only the digest is left. */
  level: v.picklist(['digest', 'content']),
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
  /** The content of the event, which is no part of it. The log takes it out of `data` when it records the event. */
  content: optional(
    v.strictObject({
      /** Id of the subject's key, by which the digests are made and the items encrypted: 32 hexadecimal digits. */
      key: v.pipe(v.string(), v.regex(/^[\da-f]{32}$/)),
      items: v.array(contentItem),
    }),
  ),
} as const

/** The fields that a caller of `append()` may set. The log fills in what is left out, or `undefined`. */
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
