import { fieldsOf, textIn } from '../../events/recorded-fields.js'
import type { StoredEvent } from '../../events/types.js'
import type { Walk } from '../../store/contract.js'
import type { ReadableStore } from '../../store/readable.js'
import { readEventsAt } from './read-stored.js'

/** Statements that are read at a time. */
const BATCH = 256
/** The form of the id of a trace. */
const TRACE_ID = /^[\da-f]{32}$/

/** The tenant and the session that an event counts as an event of. */
export interface Owner {
  readonly tenantId: string
  readonly sessionId: string
}

/** The fields of an event by which its owner is found. */
export type OwnedEvent = Pick<StoredEvent, 'tenantId' | 'sessionId' | 'runId'> & { readonly trace?: unknown }

/** A run of which the log says whose it is. */
interface Identity {
  readonly runId: string
  /** Tenant of its events before. */
  readonly fromTenant: string
  readonly tenantId: string
  /** Position of the statement. */
  readonly seq: number
  session: IdentifiedSession | undefined
}

/** The session of a run that was told late. */
interface IdentifiedSession {
  readonly from: string | undefined
  readonly sessionId: string
  readonly seq: number
}

/**
 * Whose the runs of a log are, as of a number of its entries. A run of which the tenant or the session was told late has the
 * statement `run_identified`: all of its events, the earlier ones too, then count as those of that tenant and session.
 *
 *     default  run_started  tool_call_started ┐
 *     acme                                    └─▶ run_identified  tool_call_completed  run_completed
 *              └──────── counts as acme's ───────┘
 *
 * Only the log itself can say so, once for the tenant and once for the session of a run, in either order: what is said afterwards
 * moves nothing.
 */
export interface Identities {
  /** No run has such a statement. */
  readonly isEmpty: boolean
  /** Returns whose an event is. */
  ownerOf(event: OwnedEvent): Owner
  /** Returns the session of a run that was told late. */
  sessionOf(tenantId: string, runId: string): string | undefined
  /** Returns the tenants under which earlier events of a run are filed, which was told late whose it is. */
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
  /** The ids of the runs that were identified by statements from a position on. */
  since(seq: number): readonly string[]
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
})

const TABLES = new WeakMap<ReadableStore, IdentityTable>()

/** Returns whose the runs among the first `size` entries are. What was read of a store is kept, since a log only grows. */
export async function identitiesOf(store: ReadableStore, size: number): Promise<Identities> {
  let table = TABLES.get(store)
  if (!table) {
    table = new IdentityTable(store)
    TABLES.set(store, table)
  }
  return await table.at(size)
}

/** The statements of a log, as far as they were read. It grows with their number. */
class IdentityTable {
  /** By run id: mostly one run has it. */
  readonly runs = new Map<string, Identity[]>()
  /** By the tenants that the runs have. */
  readonly tenants = new Map<string, Identity[]>()
  /** By the sessions that the runs have. */
  readonly sessions = new Map<string, Identity[]>()
  /** By the tenants that the runs had, the position of the first statement. */
  readonly leftTenants = new Map<string, number>()
  /** The sessions that stood in for another one. */
  readonly leftSessions = new Set<string>()
  /** The first of them has the lowest position. */
  readonly statements: { readonly seq: number; readonly runId: string }[] = []
  readonly #store: ReadableStore
  #read = 0
  #reading: Promise<void> = Promise.resolve()

  constructor(store: ReadableStore) {
    this.#store = store
  }

  async at(size: number): Promise<Identities> {
    if (size > this.#read) {
      // One after the other, so that each statement is taken once.
      const before = this.#reading.catch(() => undefined)
      this.#reading = before.then(() => this.#readUpTo(size))
      await this.#reading
    }
    const [first] = this.statements
    return first === undefined || first.seq >= size ? NO_IDENTITIES : new IdentitiesAt(this, size)
  }

  async #readUpTo(size: number): Promise<void> {
    if (size <= this.#read) return
    const walk = { from: this.#read, to: size, reverse: false }
    const told = await this.#store.countPostings('type', ['run_identified'], walk, 1)
    // Taken at once: a read that failed on the way is done again from its beginning.
    if (told > 0) for (const event of await readStatements(this.#store, walk)) this.#add(event)
    this.#read = size
  }

  #add(event: StoredEvent): void {
    const { seq, type, runId, tenantId, sessionId, statementOf } = event
    if (type !== 'run_identified' || typeof statementOf !== 'string' || runId === undefined) return
    const previous = fieldsOf(fieldsOf(event.data).previous)
    const fromTenant = textIn(previous, 'tenantId') ?? tenantId
    const from = textIn(previous, 'sessionId')
    const isNamed = sessionId !== from && !standsIn(sessionId, event)
    const session = isNamed ? { from, sessionId, seq } : undefined
    const known = identityIn(this.runs.get(runId) ?? [], fromTenant)
    if (known && (known.fromTenant !== known.tenantId || fromTenant === tenantId)) {
      if (known.tenantId === tenantId && session && !known.session) this.#note(known, session)
      return
    }
    if (fromTenant === tenantId && !session) return
    const identity: Identity = { runId, fromTenant, tenantId, seq, session: undefined }
    add(this.runs, runId, identity)
    this.statements.push({ seq, runId })
    if (fromTenant !== tenantId) {
      add(this.tenants, tenantId, identity)
      if (!this.leftTenants.has(fromTenant)) this.leftTenants.set(fromTenant, seq)
    }
    // The session may have been told by an earlier statement.
    const named = known?.session ?? session
    if (named) this.#note(identity, named)
  }

  #note(identity: Identity, session: IdentifiedSession): void {
    identity.session = session
    add(this.sessions, session.sessionId, identity)
    if (session.from !== undefined) this.leftSessions.add(session.from)
    this.statements.push({ seq: session.seq, runId: identity.runId })
  }
}

async function readStatements(store: ReadableStore, walk: Walk): Promise<readonly StoredEvent[]> {
  const cursor = store.postings('type', ['run_identified'], walk)
  const found: StoredEvent[] = []
  try {
    for (let seqs = await cursor.next(); seqs; seqs = await cursor.next()) {
      for (let at = 0; at < seqs.length; at += BATCH) {
        for (const event of await readEventsAt(store, seqs.slice(at, at + BATCH))) found.push(event)
      }
    }
    return found
  } finally {
    await cursor.close()
  }
}

/** The table as of a number of entries: it may know more by now. */
class IdentitiesAt implements Identities {
  readonly isEmpty = false
  readonly #table: IdentityTable
  readonly #size: number

  constructor(table: IdentityTable, size: number) {
    this.#table = table
    this.#size = size
  }

  ownerOf(event: OwnedEvent): Owner {
    const { runId, tenantId } = event
    const identity = runId === undefined ? undefined : this.#identityOf(tenantId, runId)
    if (!identity) return event
    const session = this.#sessionOf(identity)
    const isReplaced = session && (event.sessionId === session.from || standsIn(event.sessionId, event))
    return { tenantId: identity.tenantId, sessionId: isReplaced ? session.sessionId : event.sessionId }
  }

  sessionOf(tenantId: string, runId: string): string | undefined {
    const identity = this.#identityOf(tenantId, runId)
    return identity && this.#sessionOf(identity)?.sessionId
  }

  tenantsBefore(tenantId: string, runId: string): readonly string[] {
    const known = this.#table.runs.get(runId)?.filter((one) => this.#isKnown(one) && one.tenantId === tenantId) ?? []
    return known.flatMap(({ fromTenant }) => (fromTenant === tenantId ? [] : [fromTenant]))
  }

  has(runId: string): boolean {
    return this.#table.runs.get(runId)?.some((identity) => this.#isKnown(identity)) ?? false
  }

  moves(tenantId: string): boolean {
    const left = this.#table.leftTenants.get(tenantId)
    return (left !== undefined && left < this.#size) || this.#into(tenantId).length > 0
  }

  leaves({ tenantId, sessionId }: Owner): boolean {
    const { leftTenants, leftSessions, runs } = this.#table
    const standsIn = leftSessions.has(sessionId) || runs.has(sessionId) || TRACE_ID.test(sessionId)
    return leftTenants.has(tenantId) || standsIn
  }

  into(tenantId: string): { readonly runIds: readonly string[]; readonly tenants: readonly string[] } {
    const identities = this.#into(tenantId)
    return {
      runIds: [...new Set(identities.map(({ runId }) => runId))],
      tenants: [...new Set(identities.map(({ fromTenant }) => fromTenant))],
    }
  }

  intoSession(sessionId: string): readonly string[] {
    const runs = this.#table.sessions.get(sessionId)?.filter((identity) => this.#sessionOf(identity)) ?? []
    return [...new Set(runs.map(({ runId }) => runId))]
  }

  since(from: number): readonly string[] {
    const said = this.#table.statements.filter(({ seq }) => seq >= from && seq < this.#size)
    return [...new Set(said.map(({ runId }) => runId))]
  }

  #into(tenantId: string): readonly Identity[] {
    return this.#table.tenants.get(tenantId)?.filter((identity) => this.#isKnown(identity)) ?? []
  }

  #identityOf(tenantId: string, runId: string): Identity | undefined {
    const all = this.#table.runs.get(runId)
    return all && identityIn(all, tenantId, this.#size)
  }

  #sessionOf({ session }: Identity): IdentifiedSession | undefined {
    return session && session.seq < this.#size ? session : undefined
  }

  #isKnown({ seq }: Identity): boolean {
    return seq < this.#size
  }
}

/** Returns the one, among those of all runs with one id, that holds for events of a tenant: the last one that was told of it. */
function identityIn(all: readonly Identity[], tenantId: string, size = Infinity): Identity | undefined {
  return (
    all.findLast(({ seq, fromTenant }) => seq < size && fromTenant === tenantId) ??
    all.find((one) => one.seq < size && one.tenantId === tenantId)
  )
}

/** Tells whether a session stands in for one that nobody told: the id of the run or of the trace. */
function standsIn(sessionId: string, { runId, trace }: OwnedEvent): boolean {
  return sessionId === runId || (trace !== undefined && fieldsOf(trace).traceId === sessionId)
}

function add<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key)
  if (list) list.push(value)
  else lists.set(key, [value])
}
