import { contentFields } from '../../events/content-fields.js'
import type { ContentClass } from '../../events/types.js'

/**
 * The amount that is recorded of what agents work with. `none`: the event is left out. `metadata`: the event, without a trace of the value.
 * `digest`: a keyed digest of the value besides. `content`: the value itself, encrypted, apart from the entry, as well.
 */
export type PayloadLevel = 'none' | 'metadata' | 'digest' | 'content'
/** The amount that is recorded of error messages, stack traces and reasons. */
export type DiagnosticLevel = Exclude<PayloadLevel, 'none'>

/** A text, or several of which one has to fit. A `*` at the end stands for any rest. */
export type PolicyPattern = string | readonly string[]

/** The events that a rule is for: all that fit every field that is given. An event that lacks such a field does not fit. */
export interface PolicyMatch {
  readonly tenantId?: PolicyPattern | undefined
  readonly sessionId?: PolicyPattern | undefined
  /** Id or name of the agent. */
  readonly agent?: PolicyPattern | undefined
  /** Name of the tool. */
  readonly tool?: PolicyPattern | undefined
  /** Event type. */
  readonly type?: PolicyPattern | undefined
  /** Name of the convention that translated the event. */
  readonly convention?: PolicyPattern | undefined
}

/** A rule of a policy. */
export interface PolicyRule {
  /** @defaultValue its position in the policy, from 1 on */
  readonly name?: string | undefined
  /** @defaultValue all events */
  readonly match?: PolicyMatch | undefined
  readonly payload?: PayloadLevel | undefined
  readonly diagnostics?: DiagnosticLevel | undefined
}

/**
 * The rules that say what is recorded. Of the rules the first that fits an event counts; what that one does not say, and what no
 * rule is for, is as in the built-in policy: arguments and results of tools are digests, prompts and completions leave no trace,
 * diagnostics are kept, and so is what an application marks as content in `custom` events and types of its own.
 *
 * A rule goes by what is known when the event is recorded. One that names a field which the event does not have does not fit it:
 * `{ match: { agent: 'support' }, payload: 'none' }` lets through an event of which no agent is known.
 *
 * @example
 * ```json
 * {
 *   "name": "clinic",
 *   "version": "3",
 *   "rules": [
 *     { "name": "health-checks", "match": { "agent": "probe" }, "payload": "none" },
 *     { "name": "search", "match": { "tool": ["search", "mcp__web__*"] }, "payload": "content" },
 *     { "match": { "tenantId": "clinic-7" }, "payload": "metadata", "diagnostics": "digest" }
 *   ],
 *   "redact": { "email": true },
 *   "pseudonyms": { "actor": true }
 * }
 * ```
 */
export interface AuditPolicy {
  /** Address of the JSON Schema, for editors. It does not count. */
  readonly $schema?: string | undefined
  readonly name: string
  readonly version?: string | undefined
  readonly rules?: readonly PolicyRule[] | undefined
  /** Detectors to switch on or off, by their names. */
  readonly redact?: Readonly<Record<string, boolean>> | undefined
  /** Keyed pseudonyms in place of `actor.id`, and of the user whom callers claim. The ids are content. @defaultValue `{ actor: false }` */
  readonly pseudonyms?: { readonly actor?: boolean | undefined } | undefined
}

/** The name of the policy that counts where none is given. */
export const BUILT_IN_POLICY: AuditPolicy = Object.freeze({ name: 'spanledger' })

/** Types whose payload is a digest by the built-in policy: calls of tools. That of the other types below leaves no trace. */
const DIGESTED: ReadonlySet<string> = new Set(['tool_call_started', 'tool_call_completed', 'tool_call_failed'])
/** Types whose payload the catalogue knows. That of others is what an application marks itself, to have it kept. */
const WITH_PAYLOAD: ReadonlySet<string> = new Set(
  [...contentFields].flatMap(([type, fields]) => (fields.some((field) => field.class === 'payload') ? [type] : [])),
)

/** The level that counts where no rule says another. */
export function builtInLevel(type: string, contentClass: ContentClass): DiagnosticLevel {
  if (contentClass === 'diagnostic') return 'content'
  if (DIGESTED.has(type)) return 'digest'
  return WITH_PAYLOAD.has(type) ? 'metadata' : 'content'
}
