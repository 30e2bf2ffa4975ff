import type { AuditEventData } from '../../events/index.js'
import type { Run } from './run.js'
import type { ResolvedScope } from './scope.js'
import type { SpanNode } from './span-node.js'

/** The tenant and the session that all events of one run carry. */
export interface Identity {
  /** Absent while nobody has named one: the attachment or the log fills in its default. */
  tenantId: string | undefined
  sessionId: string
  /** The session follows from the trace or the run: a real one may still become known. */
  sessionDerived: boolean
  /** Other tenants and sessions that were told, each of them stated once. `undefined` until there is one. */
  refused: Set<string> | undefined
}

/** Runs of one tree of spans that wait for a tenant or a session. Later ones displace the oldest. */
const MAX_UNNAMED_RUNS = 256

/** Other tenants and sessions of a run that are stated. */
const MAX_CONFLICTS = 16

/** The statements that an identity gives rise to. */
export type State = <T extends 'run_identified' | 'run_identity_conflict'>(
  type: T,
  data: AuditEventData<T>,
  run: Run,
) => void

/**
 * Sees to it that every event of a run carries one tenant and one session. A run takes those that hold at its first event.
 * The first name that comes later decides what nobody has named by then, and `run_identified` says so before any event
 * carries it. Any other name after that moves nothing, and is stated as `run_identity_conflict`.
 */
export class Identities {
  readonly #state: State

  constructor(state: State) {
    this.#state = state
  }

  /** @param said - the scope of an event of the run @returns the tenant and the session that the event carries */
  of(run: Run, said: ResolvedScope): Identity {
    if (!run.identity) {
      run.identity = identityOf(said)
      if (isUnnamed(run.identity)) addUnnamed(run)
    } else if (this.#learn(run, run.identity, said)) {
      // What others inherit from this one is known to them as well from now on.
      this.#learnIn(familyOf(run), run.node)
    }
    return run.identity
  }

  /** The tenant or the session of a span has become known, and so that of what is below. */
  learnBelow(node: SpanNode | undefined): void {
    if (node) this.#learnIn(node.outermost, node)
  }

  #learnIn({ unnamed }: Family, top: SpanNode | undefined): void {
    if (!unnamed) return
    for (const run of unnamed) {
      const isBelow = !top || !run.node || run.node.serial >= top.serial
      if (isBelow && run.identity) this.#learn(run, run.identity, run.scope())
    }
  }

  /** @returns whether the run has been identified by what was said */
  #learn(run: Run, identity: Identity, said: ResolvedScope): boolean {
    const { tenantId, sessionId } = identity
    const isNewTenant = tenantId === undefined && said.tenantId !== undefined
    const isNewSession = identity.sessionDerived && !said.sessionDerived
    if (isNewTenant || isNewSession) {
      if (isNewTenant) identity.tenantId = said.tenantId
      if (isNewSession) {
        identity.sessionId = said.sessionId
        identity.sessionDerived = false
      }
      if (!isUnnamed(identity)) familyOf(run).unnamed?.delete(run)
      this.#state('run_identified', { previous: { tenantId, sessionId } }, run)
    }
    const otherTenant = said.tenantId === undefined || said.tenantId === identity.tenantId ? undefined : said.tenantId
    const otherSession = said.sessionDerived || said.sessionId === identity.sessionId ? undefined : said.sessionId
    if (otherTenant !== undefined || otherSession !== undefined) this.#refuse(run, identity, otherTenant, otherSession)
    return isNewTenant || isNewSession
  }

  #refuse(run: Run, identity: Identity, tenant: string | undefined, session: string | undefined): void {
    identity.refused ??= new Set()
    const tenantId = isNew(identity.refused, 'tenant', tenant)
    const sessionId = isNew(identity.refused, 'session', session)
    if (tenantId !== undefined || sessionId !== undefined) {
      this.#state('run_identity_conflict', { tenantId, sessionId }, run)
    }
  }
}

/** The outermost span of a tree, or the outermost run where no span carries that. */
type Family = Pick<SpanNode | Run, 'unnamed'>

function addUnnamed(run: Run): void {
  const family = familyOf(run)
  family.unnamed ??= new Set()
  const { unnamed } = family
  unnamed.add(run)
  if (unnamed.size <= MAX_UNNAMED_RUNS) return
  const [oldest] = unnamed
  if (oldest) unnamed.delete(oldest)
}

function identityOf({ tenantId, sessionId, sessionDerived }: ResolvedScope): Identity {
  return { tenantId, sessionId, sessionDerived, refused: undefined }
}

function isUnnamed({ tenantId, sessionDerived }: Identity): boolean {
  return tenantId === undefined || sessionDerived
}

/** @returns the value, unless it was there before or too many were */
function isNew(known: Set<string>, kind: string, value: string | undefined): string | undefined {
  const key = `${kind}:${value}`
  if (value === undefined || known.has(key) || known.size >= MAX_CONFLICTS) return undefined
  known.add(key)
  return value
}

/** The tree of spans that a run is in, or the outermost run around it that no span carries. */
function familyOf(run: Run): Family {
  if (run.node) return run.node.outermost
  return run.heirOf ? familyOf(run.heirOf) : run
}
