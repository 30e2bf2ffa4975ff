import { confidenceOf, isClaim, marked } from '../events/confidence.js'
import type { StoredEvent } from '../events/types.js'
import type { OcsfVersion, TextEncoding } from './contract.js'
import { epochMillis } from './event-times.js'
import { errorOf, numberIn, severityOf, textIn } from './facts.js'
import { aiAgent, aiModel, DECISIONS, UNKNOWN } from './ocsf-agent.js'
import { API_ACTIVITY, APPLICATION_LIFECYCLE, DETECTION_FINDING, mappingOf, type OcsfMapping } from './ocsf-classes.js'
import { attestations } from './ocsf-integrity.js'

/** The version of the schema (https://schema.ocsf.io) that `toOcsf` writes by default. */
export const OCSF_VERSION: OcsfVersion = '1.8.0'

/** Options of {@link toOcsf}. */
export interface OcsfOptions {
  /**
   * Version of the schema. With `'1.9.0'` events have the object `ai_agent` and, where their `entry` is given, an
   * attestation of the profile `record_integrity`.
   *
   * @defaultValue `'1.8.0'`
   */
  readonly version?: OcsfVersion
  /** The stored bytes of the event, as `log.entries()` gives them; of 1.9.0 only. */
  readonly entry?: Uint8Array
  /** The origin of the log, the first line of its checkpoints: names the chain in an attestation. */
  readonly origin?: string
}

/**
 * An event of the Open Cybersecurity Schema Framework: the fields common to all classes, and those of its own class.
 */
export interface OcsfEvent {
  readonly class_uid: number
  readonly category_uid: number
  readonly activity_id: number
  readonly activity_name: string
  /** `class_uid` × 100 + `activity_id`. */
  readonly type_uid: number
  readonly severity_id: number
  /** Milliseconds since the Unix epoch; `metadata.original_time` has the nanoseconds. */
  readonly time: number
  readonly message: string
  readonly metadata: Readonly<Record<string, unknown>>
  /** The fields of the event that have no attribute in OCSF: its scope, trace, source, and all of `data`. */
  readonly unmapped: Readonly<Record<string, unknown>>
  readonly [attribute: string]: unknown
}

const PRODUCT = Object.freeze({ name: 'Spanledger', vendor_name: 'Spanledger' })
const SEVERITY_ID = { info: 1, low: 2, medium: 3, high: 4 } as const
const STATUS_ID = { unknown: 0, success: 1, failure: 2, other: 99 } as const
/** `status_id` of a finding that nobody has looked at. */
const NEW_FINDING = 1
/** `action_id` and `disposition_id` alike. */
const UNDECIDED = 0
const ALLOWED = 1
const DENIED = 2
/** `confidence_id` where `confidence` says it in our own words. */
const OWN_CONFIDENCE = 99
/** The profile that `confidence` belongs to, and what a control decided. */
const SECURITY_CONTROL = 'security_control'
const ROLE_AGENT = 4
const AI_OPERATION = 'ai_operation'
const RECORD_INTEGRITY = 'record_integrity'

/**
 * Returns an event in the OCSF class that fits its type; `ocsf-classes` has the mapping.
 *
 * @example
 * ```ts
 * for await (const { seq, bytes } of log.entries()) {
 *   const event = { ...JSON.parse(Buffer.from(bytes).toString()), seq }
 *   send(toOcsf(event, { version: '1.9.0', entry: bytes, origin: 'spanledger.example/orders' }))
 * }
 * ```
 */
export function toOcsf(event: StoredEvent, { version = OCSF_VERSION, entry, origin }: OcsfOptions = {}): OcsfEvent {
  const mapping = mappingOf(event.type)
  const [activityId, activityName] = mapping.activity
  const { uid, category } = mapping.class
  const agent = version === '1.8.0' ? undefined : aiAgent(event, mapping)
  const { attributes, profiles } = classAttributes(event, mapping, agent)
  const isAttested = version !== '1.8.0' && entry !== undefined
  const confidence = confidenceOf(event)
  const error = errorOf(event)
  const detail = error?.message ?? textIn(event, 'reason')
  return {
    class_uid: uid,
    category_uid: category,
    activity_id: activityId,
    activity_name: activityName,
    type_uid: uid * 100 + activityId,
    severity_id: SEVERITY_ID[severityOf(event.type)],
    time: epochMillis(event.time),
    message: messageOf(event),
    ...(confidence !== undefined && { confidence_id: OWN_CONFIDENCE, confidence }),
    ...status(event, mapping),
    ...(error?.code !== undefined && { status_code: error.code }),
    ...(detail !== undefined && { status_detail: detail }),
    metadata: {
      version,
      ...metadata(event, [
        ...new Set([
          ...profiles,
          ...(confidence === undefined ? [] : [SECURITY_CONTROL]),
          ...(agent ? [AI_OPERATION] : []),
          ...(isAttested ? [RECORD_INTEGRITY] : []),
        ]),
      ]),
    },
    ...attributes,
    ...(agent && { ai_agent: agent }),
    ...(isAttested && { attestation_list: attestations({ seq: event.seq, entry, origin }) }),
    unmapped: unmapped(event),
  }
}

/** Returns the encoding of OCSF events in a version, one a line. */
export function ocsf(version: OcsfVersion, origin: string | undefined): TextEncoding {
  return {
    next: (event, entry) =>
      `${JSON.stringify(toOcsf(event, { version, ...(entry && { entry }), ...(origin !== undefined && { origin }) }))}\n`,
  }
}

function status(event: StoredEvent, { class: { uid }, status }: OcsfMapping): Readonly<Record<string, unknown>> {
  if (uid === DETECTION_FINDING.uid) return { status_id: NEW_FINDING }
  const confidence = confidenceOf(event)
  if (isClaim(confidence)) return { status_id: STATUS_ID.other, status: confidence }
  return { status_id: STATUS_ID[status], ...(status === 'other' && { status: event.type }) }
}

function metadata(event: StoredEvent, profiles: readonly string[]): Readonly<Record<string, unknown>> {
  return {
    product: PRODUCT,
    uid: event.id,
    original_event_uid: event.id,
    event_code: event.type,
    log_name: 'audit',
    sequence: event.seq,
    original_time: event.time,
    logged_time: epochMillis(event.recordedAt),
    tenant_uid: event.tenantId,
    ...(event.runId !== undefined && { correlation_uid: event.runId }),
    ...(profiles.length > 0 && { profiles }),
  }
}

/** Returns the fields for which OCSF has no attribute, whole: where it has one as well, this is what was recorded. */
function unmapped(event: StoredEvent): Readonly<Record<string, unknown>> {
  const { seq: _, id, type, time, recordedAt, tenantId, runId, ...rest } = event
  return rest
}

function messageOf(event: StoredEvent): string {
  const said = errorOf(event)?.message ?? textIn(event, 'name') ?? textIn(event, 'reason')
  const what = marked(event.type.replaceAll('_', ' '), confidenceOf(event))
  return said === undefined ? what : `${what}: ${said}`
}

interface ClassAttributes {
  readonly attributes: Readonly<Record<string, unknown>>
  /** Profiles of the schema that some of the attributes belong to. */
  readonly profiles: readonly string[]
}

function classAttributes(event: StoredEvent, mapping: OcsfMapping, agent: object | undefined): ClassAttributes {
  switch (mapping.class.uid) {
    case APPLICATION_LIFECYCLE.uid:
      return { attributes: { app: mapping.isOfTheLog ? PRODUCT : application(event) }, profiles: [] }
    case DETECTION_FINDING.uid:
      return { attributes: finding(event), profiles: [] }
    case API_ACTIVITY.uid:
      return apiActivity(event, mapping, agent)
    default:
      return { attributes: {}, profiles: [] }
  }
}

function application({ agent, source }: StoredEvent): Readonly<Record<string, unknown>> {
  return {
    name: agent?.name ?? agent?.id ?? UNKNOWN,
    ...(agent?.id !== undefined && { uid: agent.id }),
    vendor_name: source?.service ?? UNKNOWN,
  }
}

function finding(event: StoredEvent): Readonly<Record<string, unknown>> {
  return {
    finding_info: {
      uid: event.id,
      title: textIn(event, 'rule') ?? textIn(event, 'reason') ?? event.type,
      types: [event.type],
      created_time: epochMillis(event.time),
    },
    evidences: [{ actor: actor(event) }],
    is_alert: true,
  }
}

function apiActivity(
  event: StoredEvent,
  { operation, isAllowed }: OcsfMapping,
  agent: object | undefined,
): ClassAttributes {
  const { trace, source } = event
  const callId = textIn(event, 'callId')
  const profiles: string[] = []
  const attributes: Record<string, unknown> = {
    actor: agent ? actorBeside(event) : actor(event),
    api: {
      operation: operation?.(event) ?? event.type,
      ...(callId !== undefined && { request: { uid: callId } }),
    },
    src_endpoint: { svc_name: source?.service ?? (source?.scope || UNKNOWN) },
  }
  if (trace !== undefined) {
    profiles.push('trace')
    attributes.trace = { uid: trace.traceId }
  }
  const allows = isAllowed?.(event)
  if (allows !== undefined) {
    const decision = isClaim(confidenceOf(event)) ? UNDECIDED : allows ? ALLOWED : DENIED
    profiles.push(SECURITY_CONTROL)
    attributes.action_id = decision
    attributes.disposition_id = decision
  }
  if (event.type === 'token_usage_updated') {
    profiles.push(AI_OPERATION)
    Object.assign(attributes, modelCall(event, agent))
  }
  return { attributes, profiles }
}

/** The one who acts: of a decision, who made it; `unmapped.actor` and `unmapped.agent` say for whom and where. */
function actor(event: StoredEvent): Readonly<Record<string, unknown>> {
  const { agent, actor, sessionId, source } = event
  const session = { uid: sessionId }
  const by = DECISIONS.has(event.type) ? textIn(event, 'by') : undefined
  const decider = textIn(event, 'decider')
  if (by !== undefined && (decider === 'rule' || decider === 'automatic')) return { app_name: by, session }
  const user = by ?? actor?.id
  return {
    app_name: agent?.name ?? source?.service ?? UNKNOWN,
    ...(agent?.id !== undefined && { app_uid: agent.id }),
    ...(user !== undefined && { user: { uid: user } }),
    session,
  }
}

/** Returns the actor of what an agent did that `ai_agent` describes. */
function actorBeside({ actor, sessionId, source }: StoredEvent): Readonly<Record<string, unknown>> {
  return {
    ...(source?.service !== undefined && { app_name: source.service }),
    ...(actor?.id !== undefined && { user: { uid: actor.id } }),
    session: { uid: sessionId },
  }
}

/** Attributes of a call of a model. `ai_agent` names the model where an agent called it. */
function modelCall(event: StoredEvent, agent: object | undefined): Readonly<Record<string, unknown>> {
  const model = agent ? undefined : aiModel(event)
  return {
    ...(model && { ai_model: model }),
    message_context: {
      uid: textIn(event, 'responseId') ?? event.id,
      ai_role_id: ROLE_AGENT,
      application: { name: event.agent?.name ?? event.agent?.id ?? UNKNOWN },
      prompt_tokens: numberIn(event, 'inputTokens'),
      completion_tokens: numberIn(event, 'outputTokens'),
      total_tokens: numberIn(event, 'totalTokens'),
    },
  }
}
