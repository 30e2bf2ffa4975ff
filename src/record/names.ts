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
/** Fields of a scope and the keys of baggage entries that carry them. */
export const BAGGAGE_KEYS = [
  ['tenantId', TENANT_ID],
  ['sessionId', SESSION_ID],
  ['userId', USER_ID],
] as const
export const RUN_ID = 'spanledger.run.id'
export const PARENT_RUN_ID = 'spanledger.parent_run.id'

/** The library that records an event by hand. */
export const LIBRARY_NAME = 'spanledger.library.name'
export const LIBRARY_VERSION = 'spanledger.library.version'

/** Marks a span as a run; its value is the kind of run, `agent` or `workflow`. */
export const RUN_KIND = 'spanledger.run.kind'
export const AGENT_ID = 'spanledger.agent.id'
export const AGENT_NAME = 'spanledger.agent.name'
export const RUN_TRIGGER = 'spanledger.trigger'
export const RUN_MODEL = 'spanledger.model'

/** The outcome of a run: `completed`, `failed`, `cancelled` or `suspended`. Set on its span before that ends. */
export const RUN_OUTCOME = 'spanledger.run.outcome'
/** The reason why it was cancelled or suspended. */
export const RUN_REASON = 'spanledger.run.reason'
export const RUN_CANCELLED_BY = 'spanledger.run.cancelled_by'
export const RUN_WAITING_FOR = 'spanledger.run.waiting_for'
export const RUN_FINISH_REASON = 'spanledger.run.finish_reason'

/** `data` as one JSON text: of `custom` events and of types of your own, whose field names have to survive. */
export const DATA = 'spanledger.data'
/** The name of a `custom` event. */
export const CUSTOM_NAME = 'spanledger.name'
/** JSON list of the fields that could not be taken as they were handed in. */
export const ALTERED = 'spanledger.altered'

/** OpenTelemetry's own names, which the spans of `withRun` carry as well, for other readers of traces. */
export const GEN_AI_OPERATION = 'gen_ai.operation.name'
export const GEN_AI_AGENT_ID = 'gen_ai.agent.id'
export const GEN_AI_AGENT_NAME = 'gen_ai.agent.name'
export const GEN_AI_WORKFLOW_NAME = 'gen_ai.workflow.name'
export const GEN_AI_CONVERSATION_ID = 'gen_ai.conversation.id'
export const GEN_AI_REQUEST_MODEL = 'gen_ai.request.model'
export const ERROR_TYPE = 'error.type'
