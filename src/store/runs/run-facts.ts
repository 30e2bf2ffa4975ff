import { confidenceOf } from '../../events/confidence.js'
import { storedId } from '../../events/ids.js'
import { errorIn, type Fields, fieldsOf, numberIn, type RecordedError, textIn } from '../../events/recorded-fields.js'
import { LIFECYCLE_TYPES, statusAfter } from '../../events/run-status.js'
import { beginning } from '../../events/text.js'
import { parseTimestamp, type Timestamp } from '../../events/time.js'
import type { AgentRef, TokenUsage } from '../../events/types.js'
import { USAGE_FIELDS } from '../../events/usage.js'

/** UTF-16 code units of the longest reason or error code that a row of a run holds. */
const MAX_REASON_LENGTH = 256
/** UTF-16 code units of the longest error message that a row of a run holds. */
const MAX_MESSAGE_LENGTH = 1024

/** Numbers of a report of token usage. */
export type UsageReport = { readonly [Field in keyof TokenUsage]?: number }

/**
 * The facts about a run that one of its events tells beside the other fields by which it is filed. Bounded, and the same
 * whether taken from the event or from its stored bytes.
 */
export interface RunFacts {
  /** The event's session is its trace, for want of a session. */
  isTraceSession?: boolean
  confidence?: string
  /** Named by the data of an event whose envelope names none. */
  agent?: AgentRef
  model?: string
  startedAt?: Timestamp
  durationMs?: number
  finishReason?: string
  reason?: string
  error?: RecordedError
  usage?: UsageReport
  /** Of an event that ends its run: its id, by which a later one may supersede it. */
  id?: string
  /** Of such an event: the id of the one that it supersedes. */
  supersedes?: string
  /** Of the log's statement that a run is another tenant's: the tenant under which its earlier events are filed. */
  identifiedFrom?: string
}

/** The fields of an event that tell of its run. What they hold is not trusted. */
export interface FactEvent {
  readonly id?: unknown
  readonly type: string
  readonly tenantId?: string | undefined
  readonly sessionId: string
  readonly runId?: string | undefined
  readonly agent?: AgentRef | undefined
  readonly trace?: unknown
  readonly supersedes?: unknown
  readonly statementOf?: unknown
  readonly source?: { readonly confidence?: unknown } | undefined
  readonly data?: unknown
}

/** Takes the facts out of the `data` of an event. */
type Take = (facts: RunFacts, data: Fields, event: FactEvent) => void

/** The types of which `data` has facts about a run. */
const TAKES: ReadonlyMap<string, Take> = new Map<string, Take>([
  ['token_usage_updated', takeUsage],
  ['run_identified', takeIdentity],
  ...LIFECYCLE_TYPES.map((type): [string, Take] => [type, statusAfter(type) === 'running' ? takeStart : takeEnd]),
])

/** Tells whether the `data` of events of a type has facts about a run. */
export function hasFacts(type: string): boolean {
  return TAKES.has(type)
}

/** Returns the facts that an event tells of its run; `undefined` for most events, and for one of no run. */
export function runFactsOf(event: FactEvent): RunFacts | undefined {
  if (event.runId === undefined) return undefined
  // Attacker-controlled: an event of any contents; each field is looked at by type, and texts are cut.
  const { type, sessionId, trace } = event
  const isTraceSession = trace !== undefined && fieldsOf(trace).traceId === sessionId
  const confidence = confidenceOf(event)
  const take = TAKES.get(type)
  if (!take && !isTraceSession && confidence === undefined) return undefined
  const facts: RunFacts = {}
  take?.(facts, fieldsOf(event.data), event)
  if (isTraceSession) facts.isTraceSession = true
  if (confidence !== undefined) facts.confidence = storedId(confidence)
  return facts
}

/** Returns the agent that a field names, bounded; `undefined` where it has neither an id nor a name. */
export function namedAgent(agent: unknown): AgentRef | undefined {
  if (agent === undefined) return undefined
  const fields = fieldsOf(agent)
  const [id, name] = [textIn(fields, 'id'), textIn(fields, 'name')]
  if (id === undefined && name === undefined) return undefined
  const named: AgentRef = {}
  if (id !== undefined) named.id = storedId(id)
  if (name !== undefined) named.name = storedId(name)
  return named
}

function takeStart(facts: RunFacts, data: Fields, { agent }: FactEvent): void {
  takeModel(facts, data)
  const named = namedAgent(agent) ? undefined : namedAgent(data.agent)
  if (named !== undefined) facts.agent = named
}

function takeUsage(facts: RunFacts, data: Fields): void {
  facts.usage = usageIn(data)
  takeModel(facts, data)
}

/** Only the log itself may say whose a run is. */
function takeIdentity(facts: RunFacts, data: Fields, { statementOf, tenantId }: FactEvent): void {
  if (typeof statementOf !== 'string') return
  const previous = textIn(fieldsOf(data.previous), 'tenantId')
  if (previous !== undefined && previous !== tenantId) facts.identifiedFrom = storedId(previous)
}

function takeEnd(facts: RunFacts, data: Fields, { id, supersedes }: FactEvent): void {
  if (typeof id === 'string') facts.id = storedId(id)
  if (typeof supersedes === 'string' && supersedes !== '') facts.supersedes = storedId(supersedes)
  const startedAt = data.startedAt === undefined ? undefined : parseTimestamp(data.startedAt)
  if (startedAt !== undefined) facts.startedAt = startedAt
  const durationMs = numberIn(data, 'durationMs')
  if (durationMs !== undefined) facts.durationMs = durationMs
  const finishReason = textIn(data, 'finishReason')
  if (finishReason !== undefined) facts.finishReason = cut(finishReason, MAX_REASON_LENGTH)
  const reason = textIn(data, 'reason')
  if (reason !== undefined) facts.reason = cut(reason, MAX_REASON_LENGTH)
  const error = errorIn(data)
  if (error !== undefined) {
    facts.error = { ...error, code: cut(error.code, MAX_REASON_LENGTH) }
    if (error.message !== undefined) facts.error.message = cut(error.message, MAX_MESSAGE_LENGTH)
  }
  if (data.usage !== undefined) facts.usage = usageIn(fieldsOf(data.usage))
}

function takeModel(facts: RunFacts, data: Fields): void {
  const model = textIn(data, 'model')
  if (model !== undefined) facts.model = storedId(model)
}

function usageIn(data: Fields): UsageReport {
  const usage: { [Field in keyof TokenUsage]?: number } = {}
  for (const field of USAGE_FIELDS) {
    const value = numberIn(data, field)
    if (value !== undefined) usage[field] = value
  }
  return usage
}

/** A text that is cut ends in an ellipsis. */
function cut(text: string, maxLength: number): string {
  return text.length <= maxLength ? text : `${beginning(text, maxLength - 1)}…`
}
