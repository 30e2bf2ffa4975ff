import type { Context } from '@opentelemetry/api'
import type { AgentRef, ClaimedScope, EventSource, Timestamp } from '../../events/index.js'
import type { ScopeIds } from '../conventions/contract.js'
import type { SpanLike } from '../span.js'
import { EndSigns } from './end-signs.js'
import { Identity } from './identity.js'
import { NewestSet } from './newest-set.js'
import { RunEnd } from './run-end.js'
import { RunState } from './run-state.js'
import { RunTally } from './run-tally.js'
import type { ResolvedScope } from './scope.js'

/** Runs of one family that wait for a tenant or a session. */
const MAX_UNNAMED_RUNS = 256
const NO_SCOPE: ScopeIds = Object.freeze({})

/** The outermost span of a tree, or the outermost run where no span carries that. */
export interface RunFamily {
  /** The runs of the family that wait for a tenant or a session; `undefined` until there is one. */
  readonly unnamed: NewestSet<Run> | undefined
  addUnnamed(run: Run): void
}

/** A span as runs and events see it. */
export interface TrackedSpan {
  readonly serial: number
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string | undefined
  /** While it is open. */
  readonly span: SpanLike | undefined
  readonly context: Context | undefined
  readonly parent: TrackedSpan | undefined
  readonly outermost: RunFamily
  /** The run that the span is. */
  readonly run: Run | undefined
  readonly hasOpenDescendant: boolean
  nearestRun(): Run | undefined
  recognisedParent(): TrackedSpan | undefined
  scope(): ResolvedScope
  contextScope(): ScopeIds
  claims(): ClaimedScope | undefined
  /** @returns the outermost span of which a tenant or a session has become known */
  addScope(facts: ScopeIds): TrackedSpan | undefined
  /** @returns likewise */
  completeScope(facts: ScopeIds): TrackedSpan | undefined
}

/** The run around a run, if any. */
export interface RunParentage {
  readonly parentRunId: string | undefined
  /** The run around is a remote caller's claim. */
  readonly parentIsClaimed: boolean
}

/** The scope of a run that no span carries, from what it was given when it began. */
export interface SpanlessScope {
  readonly given: ScopeIds | undefined
  /** The scope that the application gave by its context. */
  readonly context: ScopeIds
  /** The run that the rest is inherited from. */
  readonly heirOf: Run | undefined
  readonly claims: ClaimedScope | undefined
}

export interface RunInit extends RunParentage {
  readonly runId: string
  readonly key: string
  readonly startedAt: Timestamp
  readonly agent: AgentRef
  readonly node: TrackedSpan | undefined
  readonly spanless?: SpanlessScope | undefined
  readonly mayLeak: boolean
  readonly isStartMended: boolean
  readonly source: EventSource
  readonly nowMillis: number
}

/** One execution of an agent, from its `run_started` to its terminal event. */
export class Run implements RunFamily {
  readonly runId: string
  /** Its id, and the sender that it is of: see `senders.ts`. */
  readonly key: string
  readonly startedAt: Timestamp
  /** The time of the start is not the one that was reported. */
  readonly isStartMended: boolean
  /** Room for conventions to keep things for the life of the run. */
  readonly state = new RunState()
  /** The reporter of its start. */
  readonly source: EventSource
  readonly signs: EndSigns
  readonly end = new RunEnd()
  readonly tally = new RunTally()
  readonly #spanless: SpanlessScope | undefined
  #parentRunId: string | undefined
  #parentIsClaimed: boolean
  #node: TrackedSpan | undefined
  #agent: AgentRef
  #identity: Identity | undefined = undefined
  #unnamed: NewestSet<Run> | undefined = undefined
  #lastEvent: { type: string; time: Timestamp } | undefined = undefined
  #lastSeenMillis: number

  constructor(init: RunInit) {
    this.runId = init.runId
    this.key = init.key
    this.startedAt = init.startedAt
    this.isStartMended = init.isStartMended
    this.source = init.source
    this.signs = new EndSigns(init.mayLeak)
    this.#spanless = init.spanless
    this.#parentRunId = init.parentRunId
    this.#parentIsClaimed = init.parentIsClaimed
    this.#node = init.node
    this.#agent = init.agent
    this.#lastSeenMillis = init.nowMillis
  }

  get parentRunId(): string | undefined {
    return this.#parentRunId
  }

  /** The run around is a remote caller's claim. */
  get parentIsClaimed(): boolean {
    return this.#parentIsClaimed
  }

  /** The run around is recognised late. A caller's claim gives way to it. @returns false where another run is known to be around */
  adoptInto(parent: Run): boolean {
    if (this.#parentRunId !== undefined && !this.#parentIsClaimed) return false
    this.#parentRunId = parent.runId
    this.#parentIsClaimed = false
    return true
  }

  /** The span that is the run; none for a run recorded by hand, or reported in log records, where no span records. */
  get node(): TrackedSpan | undefined {
    return this.#node
  }

  /** A run that log records reported first turns out to be a span. */
  attachTo(node: TrackedSpan): void {
    this.#node ??= node
  }

  get agent(): AgentRef {
    return this.#agent
  }

  /** Names that came with the end of its span replace those from its start. */
  renameAgent(agent: AgentRef): void {
    this.#agent = { ...this.#agent, ...agent }
  }

  /** Names that a span inside reports stand where the run's own are missing. */
  completeAgent(agent: AgentRef): void {
    this.#agent = { ...agent, ...this.#agent }
  }

  /** The tenant and the session of its events; `undefined` until the first. */
  get identity(): Identity | undefined {
    return this.#identity
  }

  /** @param scope - that of the run's first event; a later one changes nothing */
  identify(scope: ResolvedScope): Identity {
    this.#identity ??= new Identity(scope)
    return this.#identity
  }

  get unnamed(): NewestSet<Run> | undefined {
    return this.#unnamed
  }

  addUnnamed(run: Run): void {
    this.#unnamed ??= new NewestSet(MAX_UNNAMED_RUNS)
    this.#unnamed.add(run)
  }

  /** The tree of spans that the run is in, or the outermost run around it that no span carries. */
  get family(): RunFamily {
    return this.#node?.outermost ?? this.#spanless?.heirOf?.family ?? this
  }

  /** The scope that the application gave by its context when the run began: of a run that no span carries. */
  get contextScope(): ScopeIds {
    return this.#spanless?.context ?? NO_SCOPE
  }

  /** The scope of the run, as far as it is known by now. */
  scope(): ResolvedScope {
    if (this.#node) return this.#node.scope()
    const { contextScope } = this
    const { given = NO_SCOPE, heirOf } = this.#spanless ?? {}
    const { tenantId = contextScope.tenantId, sessionId = contextScope.sessionId, userId = contextScope.userId } = given
    const enclosing = heirOf?.inheritable(heirOf.scope())
    return {
      tenantId: tenantId ?? enclosing?.tenantId,
      sessionId: sessionId ?? enclosing?.sessionId ?? this.runId,
      sessionDerived: sessionId === undefined && (enclosing?.sessionDerived ?? true),
      userId: userId ?? enclosing?.userId,
    }
  }

  /** Returns what runs and spans below inherit of its scope: the tenant and the session are those of its events. */
  inheritable(scope: ResolvedScope): ResolvedScope {
    const identity = this.#identity
    if (!identity) return scope
    return {
      tenantId: identity.tenantId ?? scope.tenantId,
      sessionId: identity.sessionDerived ? scope.sessionId : identity.sessionId,
      sessionDerived: identity.sessionDerived && scope.sessionDerived,
      userId: scope.userId,
    }
  }

  /** Returns the scope that callers claim for the run. */
  claims(): ClaimedScope | undefined {
    return this.#node ? this.#node.claims() : this.#spanless?.claims
  }

  /**
   * Takes up where a suspended run, or one that is open under the same id, left off: its tenant and its session are those of
   * this one too. Another tenant has runs of its own, whatever their ids.
   */
  continue(before: Run): void {
    if (before.hasEnded && !before.end.isSuspended) return
    const { tenantId } = this.scope()
    if (tenantId === undefined || tenantId === before.#identity?.tenantId) this.#identity = before.#identity
  }

  /** Its terminal event is recorded, or nothing more is recorded of its end. */
  get hasEnded(): boolean {
    return !this.end.isOpen
  }

  /** The last event of a run that is open. */
  get lastEvent(): { type: string; time: Timestamp } | undefined {
    return this.end.isOpen ? this.#lastEvent : undefined
  }

  /** An event of the run is recorded. */
  recordEvent(type: string, time: Timestamp): void {
    if (this.end.isOpen) this.#lastEvent = { type, time }
  }

  /** Milliseconds since the epoch; a run with nothing open and nothing seen for long is given up. */
  get lastSeenMillis(): number {
    return this.#lastSeenMillis
  }

  /** Something has happened in the run. */
  touch(nowMillis: number): void {
    this.#lastSeenMillis = nowMillis
  }

  /** A call of a model has begun. */
  startModelCall(): void {
    this.tally.addModelCall()
    this.signs.goOn()
  }
}

/** A suspended run invokes nobody: what starts below its span later goes on where it left off. */
export function notSuspended(run: Run | undefined): Run | undefined {
  let enclosing = run
  while (enclosing?.end.isSuspended) enclosing = enclosing.node?.parent?.nearestRun()
  return enclosing
}
