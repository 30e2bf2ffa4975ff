import {
  type AuditEventData,
  type EventSource,
  type Timestamp,
  type TokenUsage,
  timestampFromMillis,
} from '../../events/index.js'
import { usageBeyond, usagePlus } from '../../events/usage.js'
import type { Conclusion, RunActivity, ScopeIds } from '../conventions/contract.js'
import type { Emitter, EventCore, EventOrigin, Extras, SpanOrigin } from './emitter.js'
import { Run } from './run.js'
import type { EndGrounds, TerminalType } from './run-end.js'
import { RunIndex } from './run-index.js'
import { parentageOf } from './run-parentage.js'
import type { Senders } from './senders.js'
import type { SpanNode } from './span-node.js'
import { completed, lostOf, terminalOf } from './terminal-events.js'

/** A span below may be at work for long, or have leaked as well: such a run is given up so many times later. */
const PATIENCE_WITH_OPEN_SPANS = 10

/** The start of a run: its activity, its id and its time. */
interface RunStart {
  readonly activity: Pick<RunActivity, 'agent' | 'details' | 'model' | 'trigger' | 'mayLeak'>
  /** The data of its event, where somebody stated it; else it follows from the activity. */
  readonly data?: AuditEventData<'run_started'> | undefined
  readonly runId: string
  readonly startedAt: Timestamp
  readonly parentRunId?: string | undefined
  /** The scope of a run that no span carries. */
  readonly scope?: ScopeIds | undefined
}

/** The circumstances of the end of a run. */
interface RunEnding {
  readonly time: Timestamp
  readonly origin: EventOrigin
  /** @defaultValue `observed` */
  readonly grounds?: EndGrounds | undefined
  /** The error of a run that failed, where its conclusion names none. */
  readonly error?: Conclusion['error']
  /** The marks of the terminal event. */
  readonly marks?: Pick<Extras, 'confidence' | 'altered'> | undefined
}

/** The runs in progress. Sees to it that each gets one start and one terminal event, leaked ones too. */
export class RunBook {
  readonly #index: RunIndex
  readonly #emitter: Emitter
  readonly #senders: Senders
  readonly #abandonAfterMillis: number
  readonly #maxOpenRuns: number
  readonly #nowMillis: () => number
  readonly #onEnd: (run: Run) => void

  /** @param options.onEnd - called before a run's terminal event is recorded */
  constructor(options: {
    emitter: Emitter
    senders: Senders
    onEnd: (run: Run) => void
    abandonAfterMillis: number
    maxOpenRuns: number
    nowMillis: () => number
  }) {
    this.#index = new RunIndex(options.senders)
    this.#emitter = options.emitter
    this.#senders = options.senders
    this.#abandonAfterMillis = options.abandonAfterMillis
    this.#maxOpenRuns = options.maxOpenRuns
    this.#nowMillis = options.nowMillis
    this.#onEnd = options.onEnd
  }

  /** See {@link RunIndex.find}. */
  find(runId: string): Run | undefined {
    return this.#index.find(runId)
  }

  isOpen(runId: string): boolean {
    return this.#index.isOpen(runId)
  }

  /** See {@link RunIndex.idOf}. */
  idOf(runId: string): string {
    return this.#index.idOf(runId)
  }

  get open(): Iterable<Run> {
    return this.#index.open
  }

  /** The open runs, for `audit_attached` and `audit_detached`. */
  snapshot(): AuditEventData<'audit_attached'>['openRuns'] {
    return [...this.#index.open].map(({ runId, agent, startedAt }) => ({ runId, agent, startedAt }))
  }

  /** A run goes on that had come to an end. */
  reopen(runId: string): void {
    this.#index.findEnded(runId)?.end.reopen()
  }

  /** Records the start of a run; inside another one, that one first gets `sub_agent_invoked`. */
  start(start: RunStart, origin: SpanOrigin, extras?: Extras): Run {
    const { activity, startedAt } = start
    const { node, run: parent } = origin
    const parentRunId = start.parentRunId === undefined ? undefined : this.idOf(start.parentRunId)
    const named = start.parentRunId === undefined ? undefined : this.find(start.parentRunId)
    const before = this.find(start.runId)
    const runId = this.idOf(start.runId)
    this.#senders.own(runId)
    const run = new Run({
      runId,
      key: this.#senders.keyOf(runId),
      ...parentageOf(parentRunId, parent, node?.remoteParent ?? origin.remoteParent),
      startedAt,
      agent: activity.agent,
      node,
      spanless: node
        ? undefined
        : {
            given: start.scope,
            context: this.#emitter.scopeIn(origin.context),
            heirOf: named ?? parent,
            claims: this.#emitter.claimsAt(origin),
          },
      mayLeak: activity.mayLeak ?? false,
      isStartMended: origin.isTimeMended ?? false,
      source: origin.source,
      nowMillis: this.#nowMillis(),
    })
    node?.becomeRun(run)
    if (before) run.continue(before)
    if (parent) this.#announce(run, origin)
    this.#index.add(run)
    const { agent, model, trigger, details } = activity
    const data = start.data ?? { agent, model, trigger, ...details }
    this.#emitter.emit({ type: 'run_started', data }, startedAt, { ...origin, run }, own(extras))
    if (!parent && node) this.#adoptBelow(run, node, origin)
    if (this.#index.openCount > this.#maxOpenRuns) this.#evictOldest()
    return run
  }

  /** A run that began before anything was attached: its start is not recorded, its end will be. */
  adopt(start: RunStart, node: SpanNode, source: EventSource): Run {
    const run = new Run({
      runId: start.runId,
      key: start.runId,
      ...parentageOf(start.parentRunId, node.parent?.nearestRun(), node.remoteParent),
      startedAt: start.startedAt,
      agent: start.activity.agent,
      node,
      mayLeak: false,
      isStartMended: false,
      source,
      nowMillis: this.#nowMillis(),
    })
    node.becomeRun(run)
    this.#index.add(run)
    return run
  }

  /** Records the terminal event of a run, by its conclusion: see {@link RunBook.end}. */
  conclude(run: Run, conclusion: Conclusion, { time, origin, grounds, error }: RunEnding): void {
    this.end(run, terminalOf(conclusion, error), { time, origin, grounds, marks: conclusion })
  }

  /** Records that a run was given up, without a word on how it ended. */
  interrupt(run: Run, ending: RunEnding): void {
    this.end(run, { type: 'run_interrupted', data: { reason: 'abandoned', lastEvent: run.lastEvent } }, ending)
  }

  /**
   * Records a terminal event unless the run already has one: see {@link RunEnd}. What was counted for the run outweighs
   * `data.usage`.
   */
  end(run: Run, terminal: EventCore<TerminalType>, { time, origin, grounds = 'observed', marks }: RunEnding): void {
    run.end.record(terminal.type, grounds, (supersedes) => {
      this.#onEnd(run)
      this.#index.close(run)
      const { confidence, altered } = own(marks, run.tally.usage && 'data.usage')
      const lost = lostOf(run, origin)
      return this.#emitter.emit(
        completed(terminal, run, time),
        time,
        { ...origin, run, node: run.node ?? origin.node },
        { confidence, altered: lost.length > 0 ? [...(altered ?? []), ...lost] : altered, supersedes },
      )
    })
  }

  /** A run that ended while nothing was attached. */
  forget(run: Run): void {
    run.end.forget()
    this.#index.close(run)
  }

  /** Runs that no span carries end unobserved while nothing is attached. */
  forgetSpanless(): void {
    for (const run of this.#index.open) if (!run.node) this.forget(run)
  }

  /**
   * Ends the runs whose spans leaked: those known to leak once a child failed or was cancelled and nothing is open below
   * them; any other when it has been silent for long, or, with `final`, because nothing more can come.
   */
  settle(final: boolean): void {
    const now = this.#nowMillis()
    // Inner runs come later and are ended first, so that an outer one sees their failure.
    for (const run of [...this.#index.open].reverse()) {
      const isIdle = run.node === undefined || !run.node.hasOpenDescendant
      const hasLeaked = run.signs.hasLeaked && isIdle
      const patienceMillis = this.#abandonAfterMillis * (isIdle ? 1 : PATIENCE_WITH_OPEN_SPANS)
      const isSilent = now - run.lastSeenMillis >= patienceMillis
      if (final || hasLeaked || isSilent) this.abandon(run)
    }
  }

  /**
   * Ends a run whose span seems not to end: failed or cancelled when its last child was, interrupted otherwise. When the
   * true end comes all the same, it supersedes this one.
   */
  abandon(run: Run): void {
    const time = timestampFromMillis(this.#nowMillis())
    const origin = { run, node: run.node, context: undefined, source: run.source }
    const { expected } = run.signs
    if (!expected) {
      this.interrupt(run, { time, origin, grounds: 'guessed' })
      return
    }
    run.node?.recognisedParent()?.run?.signs.endChild(expected)
    this.conclude(run, expected, { time, origin, grounds: 'guessed' })
  }

  /** Takes in what happened inside before the span was known as a run: its sub-agents have started, tokens were spent. */
  #adoptBelow(run: Run, node: SpanNode, origin: EventOrigin): void {
    let ofOthers: TokenUsage | undefined
    for (const orphan of node.orphans) {
      const { run: sub, usage } = orphan
      if (usage?.counted) ofOthers = usagePlus(ofOthers, usage.counted)
      if (sub?.adoptInto(run)) this.#announce(sub, { ...origin, run, node: orphan })
    }
    const counted = node.usage?.counted
    if (counted) run.tally.addUsage(ofOthers ? usageBeyond(counted, ofOthers) : counted)
    if (node.parent?.span) node.parent.addOrphan(node)
  }

  #announce(run: Run, origin: EventOrigin): void {
    const data = {
      agentId: run.agent.id ?? run.agent.name ?? 'unknown',
      subThreadId: run.inheritable(run.scope()).sessionId,
      subRunId: run.runId,
    }
    const node = origin.node?.parent ?? origin.run?.node
    this.#emitter.emit({ type: 'sub_agent_invoked', data }, run.startedAt, { ...origin, node })
  }

  #evictOldest(): void {
    for (const oldest of this.#index.open) {
      this.abandon(oldest)
      return
    }
  }
}

/** The rest of a fact beside its data and scope, without the marks of a field that the log knows better. */
function own({ confidence, altered }: Pick<Extras, 'confidence' | 'altered'> = {}, known?: string): Extras {
  const rest = known ? altered?.filter(({ field }) => !field.startsWith(known)) : altered
  return { confidence, altered: rest?.length ? rest : undefined }
}
