/**
 * The names Spanledger writes and reads in OpenTelemetry. They are stable: a name is never given another meaning, and
 * one that is replaced is read for at least one major version longer.
 */

/** Prefix of event names (`spanledger.agent_handoff`) and of the attributes that carry their fields. */
export const PREFIX = 'spanledger.'

/** Attributes of spans, span events and log records, and keys of baggage entries, that say whose an event is. */
export const TENANT_ID = 'spanledger.tenant.id'
export const SESSION_ID = 'spanledger.session.id'
export const USER_ID = 'spanledger.user.id'
export const RUN_ID = 'spanledger.run.id'
export const PARENT_RUN_ID = 'spanledger.parent_run.id'

/** Marks a span as a run; its value is the kind of run, `agent` or `workflow`. */
export const RUN_KIND = 'spanledger.run.kind'
export const AGENT_ID = 'spanledger.agent.id'
export const AGENT_NAME = 'spanledger.agent.name'
export const RUN_TRIGGER = 'spanledger.trigger'
export const RUN_MODEL = 'spanledger.model'

/** A time of an event's own, RFC 3339, where the carrier's is not the one meant. */
export const STARTED_AT = 'spanledger.started_at'
