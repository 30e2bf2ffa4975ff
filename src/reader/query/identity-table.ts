import { fieldsOf, textIn } from '../../events/recorded-fields.js'
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

/** Statements that are read at a time. */
const BATCH = 256
/** The form of the id of a trace. */
const TRACE_ID = /^[\da-f]{32}$/

/** A run of which the log says whose it is. */
interface Identity {
  readonly runId: string
  /** Tenant of its events before. */
  readonly fromTenant: string
  readonly tenantId: string
  readonly said: Statement
  session: IdentifiedSession | undefined
}

/** The session of a run that was told late. */
interface IdentifiedSession {
  readonly from: string | undefined
  readonly sessionId: string
  readonly said: Statement
}

/** The statements of a log, or of several, as far as they were read. It grows with their number. */
export class IdentityTable {
  /** By run id: mostly one run has it. */
  readonly runs = new Map<string, Identity[]>()
  /** By the tenants that the runs have. */
  readonly tenants = new Map<string, Identity[]>()
  /** By the sessions that the runs have. */
  readonly sessions = new Map<string, Identity[]>()
  /** By the tenants that the runs had. */
  readonly leftTenants = new Map<string, Identity[]>()
  /** The sessions that stood in for another one. */
  readonly leftSessions = new Set<string>()
  /** In the order in which they were read: of one log, the first has the lowest position. */
  readonly statements: { readonly said: Statement; readonly runId: string }[] = []
  /** The logs, in the order of their numbers here, and how far each was read. */
  readonly #logs: { readonly store: ReadableStore; read: number }[] = []
  #reading: Promise<void> = Promise.resolve()

  async at(logs: readonly LogUpTo[]): Promise<Identities> {
    const numbers = logs.map(({ store }) => this.#numberOf(store))
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

  #numberOf(store: ReadableStore): number {
    const known = this.#logs.findIndex((log) => log.store === store)
    return known >= 0 ? known : this.#logs.push({ store, read: 0 }) - 1
  }

  async #readUpTo(number: number, size: number): Promise<void> {
    const log = this.#logs[number]
    if (!log || size <= log.read) return
    const walk = { from: log.read, to: size, reverse: false }
    const told = await log.store.countPostings('type', ['run_identified'], walk, 1)
    // Taken at once: a read that failed on the way is done again from its beginning.
    if (told > 0) for (const event of await readStatements(log.store, walk)) this.#add(event, number)
    log.read = size
  }

  #add(event: StoredEvent, log: number): void {
    const { seq, type, runId, tenantId, sessionId, statementOf } = event
    const said = { log, seq }
    if (type !== 'run_identified' || typeof statementOf !== 'string' || runId === undefined) return
    const previous = fieldsOf(fieldsOf(event.data).previous)
    const fromTenant = textIn(previous, 'tenantId') ?? tenantId
    const from = textIn(previous, 'sessionId')
    const isNamed = sessionId !== from && !standsIn(sessionId, event)
    const session = isNamed ? { from, sessionId, said } : undefined
    const known = identityIn(this.runs.get(runId) ?? [], fromTenant)
    if (known && (known.fromTenant !== known.tenantId || fromTenant === tenantId)) {
      if (known.tenantId === tenantId && session && !known.session) this.#note(known, session)
      return
    }
    if (fromTenant === tenantId && !session) return
    const identity: Identity = { runId, fromTenant, tenantId, said, session: undefined }
    add(this.runs, runId, identity)
    this.statements.push({ said, runId })
    if (fromTenant !== tenantId) {
      add(this.tenants, tenantId, identity)
      add(this.leftTenants, fromTenant, identity)
    }
    // The session may have been told by an earlier statement.
    const named = known?.session ?? session
    if (named) this.#note(identity, named)
  }

  #note(identity: Identity, session: IdentifiedSession): void {
    identity.session = session
    add(this.sessions, session.sessionId, identity)
    if (session.from !== undefined) this.leftSessions.add(session.from)
    this.statements.push({ said: session.said, runId: identity.runId })
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
    const left = this.#table.leftTenants.get(tenantId)?.some((identity) => this.#isKnown(identity)) ?? false
    return left || this.#into(tenantId).length > 0
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

  since(before: Identities): readonly string[] {
    const found = this.#table.statements.filter(({ said }) => this.knows(said) && !before.knows(said))
    return [...new Set(found.map(({ runId }) => runId))]
  }

  #into(tenantId: string): readonly Identity[] {
    return this.#table.tenants.get(tenantId)?.filter((identity) => this.#isKnown(identity)) ?? []
  }

  #identityOf(tenantId: string, runId: string): Identity | undefined {
    const all = this.#table.runs.get(runId)
    return all && identityIn(all, tenantId, (one) => this.#isKnown(one))
  }

  #sessionOf({ session }: Identity): IdentifiedSession | undefined {
    return session && this.knows(session.said) ? session : undefined
  }

  #isKnown({ said }: Identity): boolean {
    return this.knows(said)
  }
}

/** Returns the one, among those of all runs with one id, that holds for events of a tenant: the last one that was told of it. */
function identityIn(
  all: readonly Identity[],
  tenantId: string,
  isKnown: (identity: Identity) => boolean = () => true,
): Identity | undefined {
  return (
    all.findLast((one) => one.fromTenant === tenantId && isKnown(one)) ??
    all.find((one) => one.tenantId === tenantId && isKnown(one))
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
