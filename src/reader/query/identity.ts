import type { StoredEvent } from '../../events/types.js'
import type { ReadableStore } from '../../store/readable.js'

/** The tenant and the session that an event counts as an event of. */
export interface Owner {
  readonly tenantId: string
  readonly sessionId: string
}

/** The fields of an event by which its owner is found. */
export type OwnedEvent = Pick<StoredEvent, 'tenantId' | 'sessionId' | 'runId'> & { readonly trace?: unknown }

/** The position of a statement. */
export interface Statement {
  /** Number that the table has for the log. */
  readonly log: number
  readonly seq: number
}

/**
 * The owners of the runs of a log, as of a number of its entries. A run of which the tenant or the session was identified late has the
 * statement `run_identified`: all of its events, the earlier ones too, then count as those of that tenant and session.
 *
 *     default  run_started  tool_call_started ┐
 *     acme                                    └─▶ run_identified  tool_call_completed  run_completed
 *              └──────── counts as acme's ───────┘
 *
 * Only the log itself can say so, once for the tenant and once for the session of a run, in either order: what is said afterwards
 * moves nothing. Of several logs, the statements count in the order of their times, and of the numbers of the logs where these are equal.
 */
export interface Identities {
  /** No run has such a statement. */
  readonly isEmpty: boolean
  /** Returns whose an event is. */
  ownerOf(event: OwnedEvent): Owner
  /** Returns the session of a run whose session was identified late. */
  sessionOf(tenantId: string, runId: string): string | undefined
  /** Returns the tenants under which earlier events of a run are filed whose owner was identified late. */
  tenantsBefore(tenantId: string, runId: string): readonly string[]
  /** Tells whether a statement says whose the run, or one of the runs, with this id is. */
  has(runId: string): boolean
  /** Tells whether events that are filed under a tenant count as another's, or the other way round. */
  moves(tenantId: string): boolean
  /** Tells whether an event of this owner may be filed under it, and count as another's. */
  leaves(owner: Owner): boolean
  /** The ids of the runs that were identified as a tenant's, and the tenants under which they were filed before. */
  into(tenantId: string): { readonly runIds: readonly string[]; readonly tenants: readonly string[] }
  /** The ids of the runs that were identified as those of a session. */
  intoSession(sessionId: string): readonly string[]
  /** The ids of the runs that were identified since a moment before. @param before - of the same log, or logs */
  since(before: Identities): readonly string[]
  /** Tells whether a statement is among those that are known. */
  knows(said: Statement): boolean
}

/** Those of a log in which every event counts as that of its own tenant and session. */
export const NO_IDENTITIES: Identities = Object.freeze({
  isEmpty: true,
  ownerOf: (event: OwnedEvent) => event,
  sessionOf: () => undefined,
  tenantsBefore: () => [],
  has: () => false,
  moves: () => false,
  leaves: () => false,
  into: () => ({ runIds: [], tenants: [] }),
  intoSession: () => [],
  since: () => [],
  knows: () => false,
})

/** The first entries of a log. */
export interface LogUpTo {
  readonly store: ReadableStore
  readonly size: number
  /** Number of the log in its ledger. @defaultValue 0 */
  readonly number?: number
}
