import type { AgentRef, ClaimedScope, EventSource, Timestamp, TokenUsage } from '../../events/index.js'
import { usagePlus } from '../../events/usage.js'
import type { Conclusion, ScopeFacts } from '../conventions/contract.js'
import { RunMemo } from './run-memo.js'
import type { SpanNode } from './span-node.js'

/** The end of a run as it was told at an inner level. */
export type Inner = Pick<
  Conclusion,
  'outcome' | 'error' | 'reason' | 'waitingFor' | 'by' | 'finishReason' | 'confidence'
>

/** One execution of an agent, from its `run_started` to its terminal event. */
export class Run {
  readonly runId: string
  /** Becomes known late where the run around is recognised late. */
  parentRunId: string | undefined
  /** The run around is a remote caller's word. */
  parentIsClaimed: boolean
  readonly startedAt: Timestamp
  /** Room for conventions to remember things for the life of the run. */
  readonly memo = new RunMemo()
  /** The span that is the run; none for a run recorded by hand where no span records. */
  readonly node: SpanNode | undefined
  /** Scope of a run without a span. */
  readonly #handScope: ScopeFacts
  readonly #handClaims: ClaimedScope | undefined
  /** Its span is known to stay open after such an end. */
  mayLeak: boolean
  /** Who said that the run began. */
  readonly source: EventSource
  agent: AgentRef
  /** How the last child to end failed, or was cancelled: what a leaked run is judged by. */
  childEnd: Pick<Conclusion, 'outcome' | 'error' | 'reason' | 'confidence'> | undefined = undefined
  /** While it is open. */
  lastEvent: { type: string; time: Timestamp } | undefined = undefined
  /** Milliseconds since the epoch; a run with nothing open and nothing seen for long is given up. */
  lastSeenMillis: number
  /** Its terminal event is recorded: there is never a second one. */
  ended = false
  /** It may go on one day, as a run of its own. */
  suspended = false
  /** Tool calls that were told in it. */
  toolCalls = 0
  /** Calls of models that have begun in it. */
  modelCalls = 0
  /** What the framework told of the run's end, where a hosting layer around it tells of the same run. */
  inner: Inner | undefined = undefined
  #usage: TokenUsage | undefined = undefined

  constructor(init: {
    runId: string
    parentRunId: string | undefined
    parentIsClaimed: boolean
    startedAt: Timestamp
    agent: AgentRef
    node: SpanNode | undefined
    /** For a run that no span carries. */
    scope?: ScopeFacts | undefined
    /** Likewise. */
    claims?: ClaimedScope | undefined
    mayLeak: boolean
    source: EventSource
    nowMillis: number
  }) {
    this.runId = init.runId
    this.parentRunId = init.parentRunId
    this.parentIsClaimed = init.parentIsClaimed
    this.startedAt = init.startedAt
    this.agent = init.agent
    this.node = init.node
    this.#handScope = init.scope ?? {}
    this.#handClaims = init.claims
    this.mayLeak = init.mayLeak
    this.source = init.source
    this.lastSeenMillis = init.nowMillis
  }

  /** Whose the run is, as far as is known by now. */
  scope(): ScopeFacts {
    return this.node?.scope() ?? this.#handScope
  }

  /** Returns the scope that callers claim for the run. */
  claims(): ClaimedScope | undefined {
    return this.node ? this.node.claims() : this.#handClaims
  }

  /** Sum of what has been counted for this run; sub-runs have their own. */
  get usage(): TokenUsage | undefined {
    return this.#usage
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
