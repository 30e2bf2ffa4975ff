import type { StoredEvent } from '../../events/types.js'
import type { Walk } from '../../store/contract.js'
import type { ReadableStore } from '../../store/readable.js'
import {
  type Identities,
  type LogUpTo,
  NO_IDENTITIES,
  type OwnedEvent,
  type Owner,
  type Statement,
} from './identity.js'
import { readEventsAt } from './read-stored.js'
import { type Identity, identityIn, StatementsOfRun, standsIn, statementIn } from './statements-of-run.js'

/** Statements that are read at a time. */
const BATCH = 256
/** The form of the id of a trace. */
const TRACE_ID = /^[\da-f]{32}$/

/** The statements of a log, or of several, as far as they were read. It grows with their number. */
export class IdentityTable {
  /** By run id: mostly one run has it. */
  readonly runs = new Map<string, StatementsOfRun>()
  /** Ids of runs by the tenants that a statement names for them. */
  readonly tenants = new Map<string, Set<string>>()
  /** Ids of runs by the sessions that a statement names for them. */
  readonly sessions = new Map<string, Set<string>>()
  /** Ids of runs by the tenants from which a statement moves them. */
  readonly leftTenants = new Map<string, Set<string>>()
  /** The sessions that stood in for another one. */
  readonly leftSessions = new Set<string>()
  /** In the order in which they were read. */
  readonly statements: { readonly said: Statement; readonly runId: string }[] = []
  /** The logs, in the order of their numbers here, and how far each was read. */
  readonly #logs: { readonly store: ReadableStore; readonly number: number; read: number }[] = []
  #reading: Promise<void> = Promise.resolve()

  async at(logs: readonly LogUpTo[]): Promise<Identities> {
    const numbers = logs.map((log) => this.#numberOf(log))
    for (const [at, { size }] of logs.entries()) {
      const log = numbers[at] as number
      if (size <= (this.#logs[log]?.read ?? 0)) continue
      // One after the other, so that each statement is taken once.
      const before = this.#reading.catch(() => undefined)
      this.#reading = before.then(() => this.#readUpTo(log, size))
      await this.#reading
    }
    if (this.statements.length === 0) return NO_IDENTITIES
    const sizes: number[] = []
    for (const [at, { size }] of logs.entries()) sizes[numbers[at] as number] = size
    const identities = new IdentitiesAt(this, sizes)
    return this.statements.some(({ said }) => identities.knows(said)) ? identities : NO_IDENTITIES
  }

  #numberOf({ store, number = 0 }: LogUpTo): number {
    const known = this.#logs.findIndex((log) => log.store === store)
    return known >= 0 ? known : this.#logs.push({ store, number, read: 0 }) - 1
  }

  async #readUpTo(at: number, size: number): Promise<void> {
    const log = this.#logs[at]
    if (!log || size <= log.read) return
    const walk = { from: log.read, to: size, reverse: false }
    const count = await log.store.countPostings('type', ['run_identified'], walk, 1)
    // Taken at once: a read that failed on the way is done again from its beginning.
    const events = count > 0 ? await readStatements(log.store, walk) : []
    for (const event of events) this.#add(event, { log: at, number: log.number })
    log.read = size
  }

  #add(event: StoredEvent, place: { readonly log: number; readonly number: number }): void {
    const statement = statementIn(event, place)
    if (!statement) return
    const { log, seq, runId, fromTenant, tenantId, session } = statement
    const ofRun = this.runs.get(runId) ?? new StatementsOfRun()
    this.runs.set(runId, ofRun)
    ofRun.add(statement)
    this.statements.push({ said: { log, seq }, runId })
    if (fromTenant !== tenantId) {
      add(this.tenants, tenantId, runId)
      add(this.leftTenants, fromTenant, runId)
    }
    if (!session) return
    add(this.sessions, session.sessionId, runId)
    if (session.from !== undefined) this.leftSessions.add(session.from)
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

/** The table as of a number of entries of each log: it may know more by now. */
class IdentitiesAt implements Identities {
  readonly isEmpty = false
  readonly #table: IdentityTable
  /** By the numbers that the table has for the logs. */
  readonly #sizes: readonly (number | undefined)[]
  /** The identities of runs that were found, by their ids. All statements that are known here were read before. */
  readonly #found = new Map<string, readonly Identity[]>()

  constructor(table: IdentityTable, sizes: readonly (number | undefined)[]) {
    this.#table = table
    this.#sizes = sizes
  }

  knows({ log, seq }: Statement): boolean {
    return seq < (this.#sizes[log] ?? 0)
  }

  ownerOf(event: OwnedEvent): Owner {
    const { runId, tenantId } = event
    const identity = runId === undefined ? undefined : this.#identityOf(tenantId, runId)
    if (!identity) return event
    const { session } = identity
    const isReplaced = session && (event.sessionId === session.from || standsIn(event.sessionId, event))
    return { tenantId: identity.tenantId, sessionId: isReplaced ? session.sessionId : event.sessionId }
  }

  sessionOf(tenantId: string, runId: string): string | undefined {
    return this.#identityOf(tenantId, runId)?.session?.sessionId
  }

  tenantsBefore(tenantId: string, runId: string): readonly string[] {
    return this.#moved(runId).flatMap((one) => (one.tenantId === tenantId ? [one.fromTenant] : []))
  }

  has(runId: string): boolean {
    return this.#identitiesOf(runId).length > 0
  }

  moves(tenantId: string): boolean {
    const { leftTenants, tenants } = this.#table
    const concerns = (one: Identity) => one.fromTenant === tenantId || one.tenantId === tenantId
    return [leftTenants, tenants].some((index) => some(index.get(tenantId), (id) => this.#moved(id).some(concerns)))
  }

  leaves({ tenantId, sessionId }: Owner): boolean {
    const { leftTenants, leftSessions, runs } = this.#table
    const standsIn = leftSessions.has(sessionId) || runs.has(sessionId) || TRACE_ID.test(sessionId)
    return leftTenants.has(tenantId) || standsIn
  }

  into(tenantId: string): { readonly runIds: readonly string[]; readonly tenants: readonly string[] } {
    const runIds: string[] = []
    const tenants = new Set<string>()
    for (const runId of this.#table.tenants.get(tenantId) ?? []) {
      const before = this.tenantsBefore(tenantId, runId)
      if (before.length > 0) runIds.push(runId)
      for (const tenant of before) tenants.add(tenant)
    }
    return { runIds, tenants: [...tenants] }
  }

  intoSession(sessionId: string): readonly string[] {
    const runIds = [...(this.#table.sessions.get(sessionId) ?? [])]
    return runIds.filter((runId) => this.#identitiesOf(runId).some(({ session }) => session?.sessionId === sessionId))
  }

  since(before: Identities): readonly string[] {
    const found = this.#table.statements.filter(({ said }) => this.knows(said) && !before.knows(said))
    return [...new Set(found.map(({ runId }) => runId))]
  }

  #identityOf(tenantId: string, runId: string): Identity | undefined {
    return identityIn(this.#identitiesOf(runId), tenantId)
  }

  /** The identities that say another tenant. */
  #moved(runId: string): readonly Identity[] {
    return this.#identitiesOf(runId).filter(({ fromTenant, tenantId }) => fromTenant !== tenantId)
  }

  #identitiesOf(runId: string): readonly Identity[] {
    const statements = this.#table.runs.get(runId)
    if (!statements) return NONE
    let found = this.#found.get(runId)
    if (!found) {
      found = statements.identities((said) => this.knows(said))
      this.#found.set(runId, found)
    }
    return found
  }
}

const NONE: readonly Identity[] = []

function some<T>(items: Iterable<T> | undefined, passes: (item: T) => boolean): boolean {
  for (const item of items ?? []) if (passes(item)) return true
  return false
}

function add<K, V>(sets: Map<K, Set<V>>, key: K, value: V): void {
  const set = sets.get(key)
  if (set) set.add(value)
  else sets.set(key, new Set([value]))
}
