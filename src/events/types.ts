import type * as v from 'valibot'
import type { agentSchema, catalogue, envelopeFields, LIMIT_AXES } from './catalogue.js'

type Catalogue = { [T in keyof typeof catalogue]: v.InferOutput<(typeof catalogue)[T]> }

/**
 * `data` by event type. Add your own types by declaration merging, and hand their schema to `openAuditLog({ eventTypes })`:
 *
 * ```ts
 * declare module 'spanledger' {
 *   interface AuditEventTypes { invoice_sent: { invoiceId: string; amountUsd: number } }
 * }
 * ```
 *
 * A library that imports from `spanledger/record` alone writes `declare module 'spanledger/record'`: it is the same
 * interface, and TypeScript does not look for a module that nothing imports.
 */
export interface AuditEventTypes extends Catalogue {}

/** Name of an event type: one of the catalogue, or one of your own. */
export type AuditEventType = keyof AuditEventTypes & string

/** `data` of one event type. */
export type AuditEventData<T extends AuditEventType> = AuditEventTypes[T]

type StoredEnvelope = v.InferOutput<v.StrictObjectSchema<typeof envelopeFields, undefined>>
type StoredContent = NonNullable<StoredEnvelope['content']>

type Envelope = Omit<StoredEnvelope, 'content'> & {
  /** The content of the event, which is no part of it. The log takes it out of `data` when it records the event. */
  content?: (Omit<StoredContent, 'items'> & { items: ContentItem[] }) | undefined
}

/** The fields of the envelope that a caller may set. One that is `undefined` is not set. */
type EnvelopeInput = {
  [F in Exclude<keyof Envelope, 'recordedAt' | 'altered' | 'statementOf' | 'salt' | 'content'>]?:
    | Envelope[F]
    | undefined
}

/** One stored audit record: the envelope and the `data` of its type. Immutable. */
export type AuditEvent<T extends AuditEventType = AuditEventType> = {
  [K in T]: Readonly<Envelope & { type: K; data: AuditEventTypes[K] }>
}[T]

/** An event as read from a log. `seq` is its position, which the stored bytes do not contain. */
export type StoredEvent<T extends AuditEventType = AuditEventType> = AuditEvent<T> & { readonly seq: number }

/** An event as a caller passes it to `append()`: the log completes the envelope. */
export type AuditEventInput<T extends AuditEventType = AuditEventType> = {
  [K in T]: { type: K; data: AuditEventTypes[K] } & EnvelopeInput
}[T]

/** An agent, by its id, its name or both. */
export type AgentRef = v.InferOutput<typeof agentSchema>
/** The origin of an event: convention, instrumentation scope, service; `confidence` where it is a guess. */
export type EventSource = Envelope['source']
/** Ids of an event that a remote caller named: a claim, not evidence. */
export type ClaimedScope = NonNullable<Envelope['claimed']>
/** The span of an event, as lower-case hex of the W3C trace context. */
export type TraceRef = NonNullable<Envelope['trace']>
/** A field that was cut or corrected when the event was recorded, and the reason. */
export type Alteration = NonNullable<Envelope['altered']>[number]
/** Tokens, and US dollars (`costUsd`) where they are known. */
export type TokenUsage = NonNullable<AuditEventTypes['run_completed']['usage']>
/** The quantity that `usage_limit_exceeded` is about; instrumentations report the listed ones. */
export type LimitAxis = (typeof LIMIT_AXES)[number] | (string & {})
/**
 * Content that was taken out of an event: its field, its class, its digest and whether the value is kept. Where the event was read with
 * its content, an item that was asked for has a `status`; no entry has one.
 */
export type ContentItem = StoredContent['items'][number] & Partial<ContentOutcome>
/** `diagnostic`: error messages, stack traces, reasons. `payload`: prompts, completions, arguments and results of tools. */
export type ContentClass = ContentItem['class']
/**
 * Status of a value of content.
 *
 * - `readable`: it can be read
 * - `digest_only`: the policy kept nothing but its digest
 * - `key_unavailable`: this process has no key for it
 * - `not_permitted`: the database does not let this role read content (PostgreSQL)
 * - `erased`: its key was destroyed
 * - `missing`: it is not in this copy of the log: it was not copied, or somebody removed it
 * - `damaged`: it does not fit its entry, or its database cannot be read
 */
export type ContentStatus =
  | 'readable'
  | 'digest_only'
  | 'key_unavailable'
  | 'not_permitted'
  | 'erased'
  | 'missing'
  | 'damaged'

/** The outcome of looking for a value of content. */
export interface ContentOutcome {
  readonly status: ContentStatus
  /** The erasure, where the status is `erased` and an entry records it. */
  readonly erasure?: ContentErasure
}

/** The entry under which a value of content was erased. */
export interface ContentErasure {
  /** Time of the entry. */
  readonly time: string
  /** Position of the entry. */
  readonly seq: number
  /** Number of its log in a ledger of several. */
  readonly log?: number
}
