import type { AgentRef, ClaimedScope, EventSource, Timestamp, TokenUsage } from '../../events/index.js'
import { usagePlus } from '../../events/usage.js'
import type { Conclusion, ScopeIds } from '../conventions/contract.js'
import type { Pause } from './endings.js'
import type { Identity } from './identities.js'
import type { Loss } from './losses.js'
import { RunMemo } from './run-memo.js'
import type { ResolvedScope } from './scope.js'
import type { SpanNode } from './span-node.js'

/** The end of a run as it was told at an inner level. */
export type Inner = Pick<
  Conclusion,
  'outcome' | 'error' | 'reason' | 'waitingFor' | 'by' | 'finishReason' | 'confidence'
>

/** One execution of an agent, from its `run_started` to its terminal event. */
export class Run {
  readonly runId: string
  /** Its id, and the sender that it is of: see `senders.ts`. */
  readonly key: string
  /** Becomes known late where the run around is recognised late. */
  parentRunId: string | undefined
  /** The run around is a remote caller's word. */
  parentIsClaimed: boolean
  readonly startedAt: Timestamp
  /** It is not the time that was told. */
  readonly isStartMended: boolean
  /** Room for conventions to remember things for the life of the run. */
  readonly memo = new RunMemo()
  #node: SpanNode | undefined
  /** The scope that a run without a span was given. */
  readonly #handScope: ScopeIds
  /** The scope that the application gave, by its context, to a run without a span when it began. */
  readonly contextScope: ScopeIds
  /** The run that a run without a span inherits the rest from. */
  readonly heirOf: Run | undefined
  readonly #handClaims: ClaimedScope | undefined
  /** Its span is known to stay open after such an end. */
  mayLeak: boolean
  /** Who said that the run began. */
  readonly source: EventSource
  agent: AgentRef
  /** The tenant and the session of its events; `undefined` until the first. */
  identity: Identity | undefined = undefined
  /** Runs below that wait for a tenant or a session, where this is the outermost one and no span carries it. */
  unnamed: Set<Run> | undefined = undefined
  /** How the last child to end failed, or was cancelled: what a leaked run is judged by. */
  childEnd: Pick<Conclusion, 'outcome' | 'error' | 'reason' | 'confidence'> | undefined = undefined
  /** Its end, by the last that log records told of it, if nothing follows. */
  toldEnd: Conclusion | undefined = undefined
  /** While it is open. */
  lastEvent: { type: string; time: Timestamp } | undefined = undefined
  /** Milliseconds since the epoch; a run with nothing open and nothing seen for long is given up. */
  lastSeenMillis: number
  /** Its terminal event is recorded. There is never a second one, unless the first was a guess. */
  ended = false
  /** The id of its terminal event. */
  endId: string | undefined = undefined
  /** Its terminal event follows from silence, or from how its last child ended: the true end corrects it. */
  isEndGuessed = false
  /** Another process has told its end, which took the place of the guess. */
  isEndClaimed = false
  /** It may go on one day, as a run of its own. */
  suspended = false
  /** Tool calls that were told in it. */
  toolCalls = 0
  /** Calls of models that have begun in it. */
  modelCalls = 0
  /** The end that the framework told, where a hosting layer around it tells of the same run. */
  inner: Inner | undefined = undefined
  /** It has come to an end and goes on, or may: another terminal event may follow. */
  goesOn = false
  /** Why it has stopped, unless it calls its model again. */
  pause: Pause | undefined = undefined
  /** The loss, with a span inside, of what may have told that it waits. */
  doubt: Loss | undefined = undefined
  /** The loss of what a call inside consumed: the sum is not the whole. */
  usageLoss: Loss | undefined = undefined
  #usage: TokenUsage | undefined = undefined

  constructor(init: {
    runId: string
    key: string
    parentRunId: string | undefined
    parentIsClaimed: boolean
    startedAt: Timestamp
    agent: AgentRef
    node: SpanNode | undefined
    /** For a run that no span carries. */
    scope?: ScopeIds | undefined
    /** Likewise. */
    contextScope?: ScopeIds | undefined
    /** Likewise. */
    heirOf?: Run | undefined
    /** Likewise. */
    claims?: ClaimedScope | undefined
    mayLeak: boolean
    isStartMended: boolean
    source: EventSource
    nowMillis: number
  }) {
    this.runId = init.runId
    this.key = init.key
    this.parentRunId = init.parentRunId
    this.parentIsClaimed = init.parentIsClaimed
    this.startedAt = init.startedAt
    this.agent = init.agent
    this.#node = init.node
    this.contextScope = init.contextScope ?? {}
    this.#handScope = init.scope ?? {}
    this.heirOf = init.heirOf
    this.#handClaims = init.claims
    this.mayLeak = init.mayLeak
    this.isStartMended = init.isStartMended
    this.source = init.source
    this.lastSeenMillis = init.nowMillis
  }

  /** It was given up, and nobody has told of its end since. */
  get isEndOpen(): boolean {
    return this.isEndGuessed && !this.isEndClaimed
  }

  /** The span that is the run; none for a run recorded by hand, or told in log records, where no span records. */
  get node(): SpanNode | undefined {
    return this.#node
  }

  /** A run that log records told of first turns out to be a span. */
  carry(node: SpanNode): void {
    this.#node ??= node
  }

  /** Whose the run is, as far as is known by now. */
  scope(): ResolvedScope {
    if (this.node) return this.node.scope()
    const { contextScope } = this
    const {
      tenantId = contextScope.tenantId,
      sessionId = contextScope.sessionId,
      userId = contextScope.userId,
    } = this.#handScope
    const around = this.heirOf?.inheritable(this.heirOf.scope())
    return {
      tenantId: tenantId ?? around?.tenantId,
      sessionId: sessionId ?? around?.sessionId ?? this.runId,
      sessionDerived: sessionId === undefined && (around?.sessionDerived ?? true),
      userId: userId ?? around?.userId,
    }
  }

  /** Returns what runs and spans below inherit of its scope: the tenant and the session are those of its events. */
  inheritable(scope: ResolvedScope): ResolvedScope {
    const { identity } = this
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
    return this.node ? this.node.claims() : this.#handClaims
  }

  /**
   * Takes up where a suspended run, or one that is open under the same id, left off: its tenant and its session are those of
   * this one too. Another tenant has runs of its own, whatever their ids.
   */
  continue(before: Run): void {
    if (before.ended && !before.suspended) return
    const tenantId = this.scope().tenantId
    if (tenantId === undefined || tenantId === before.identity?.tenantId) this.identity = before.identity
  }

  /** Sum of what has been counted for this run; sub-runs have their own. */
  get usage(): TokenUsage | undefined {
    return this.#usage
  }

  /** A call of a model has begun: whatever paused the run, it goes on. */
  noteModelCall(): void {
    this.modelCalls++
    this.pause = undefined
  }

  addUsage(report: TokenUsage): void {
    this.#usage = usagePlus(this.#usage, report)
  }
}

/** A suspended run invokes nobody: what starts below its span later goes on where it left off. */
export function notSuspended(run: Run | undefined): Run | undefined {
  let around = run
  while (around?.suspended) around = around.node?.parent?.nearestRun()
  return around
}
