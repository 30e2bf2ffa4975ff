import {
  type Alteration,
  type AuditEventData,
  type EventSource,
  millisBetween,
  type Timestamp,
  type TokenUsage,
  timestampFromMillis,
} from '../../events/index.js'
import { usageBeyond, usagePlus } from '../../events/usage.js'
import type { Conclusion, RunActivity, ScopeIds } from '../conventions/contract.js'
import type { Outside } from '../outside.js'
import { RecentMap } from '../recent-map.js'
import type { Emitter, Extras, Place } from './emitter.js'
import { lostAt } from './losses.js'
import { Run } from './run.js'
import type { Senders } from './senders.js'
import type { SpanNode } from './span-node.js'
import { DURATION_MENDED, START_MENDED } from './span-times.js'

/** Terminal events, and `run_interrupted`, which no convention reports: it follows from silence. */
export type TerminalType = 'run_completed' | 'run_failed' | 'run_cancelled' | 'run_suspended' | 'run_interrupted'

/** A span below may be at work for long, or have leaked as well: such a run is given up so many times later. */
const PATIENCE_WITH_OPEN_SPANS = 10

/** Runs that are remembered as over. */
const MAX_ENDED_RUNS = 4096

const NOTHING_LOST: readonly Alteration[] = Object.freeze([])
const UNKNOWN_ERROR = Object.freeze({ code: 'Error', message: '' })

/** Lets the run directly around a span know how the span ended, in case the run's own end never comes. */
export function noteEndOfChild(node: SpanNode, told: Conclusion, outcome = told.outcome, error = told.error): void {
  const { reason, confidence, endsRun } = told
  const around = node.claimedParent()?.run
  if (!around) return
  around.childEnd = outcome === 'failed' || outcome === 'cancelled' ? { outcome, error, reason, confidence } : undefined
  if (endsRun !== undefined) around.mayLeak = endsRun
}

/** How a run was entered: by whom, under which id, and when. */
interface RunStart {
  readonly activity: Pick<RunActivity, 'agent' | 'details' | 'model' | 'trigger' | 'mayLeak'>
  /** The data of its event, where somebody stated it; else it follows from the activity. */
  readonly data?: AuditEventData<'run_started'> | undefined
  readonly runId: string
  readonly startedAt: Timestamp
  readonly parentRunId?: string | undefined
  /** Of a run that no span carries. */
  readonly scope?: ScopeIds | undefined
}

/** The runs in progress. Sees to it that each gets one start and one terminal event, leaked ones too. */
export class RunBook {
  readonly #open = new Map<string, Run>()
  /** The last run of each id that has come to an end: what is told of it late belongs to it. */
  readonly #ended = new RecentMap<string, Run>(MAX_ENDED_RUNS)
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
    this.#emitter = options.emitter
    this.#senders = options.senders
    this.#abandonAfterMillis = options.abandonAfterMillis
    this.#maxOpenRuns = options.maxOpenRuns
    this.#nowMillis = options.nowMillis
    this.#onEnd = options.onEnd
  }

  /** Returns the sender's run of this id that is open, else the last one that has come to an end. */
  find(runId: string): Run | undefined {
    const key = this.#keyOf(runId)
    return this.#open.get(key) ?? this.#ended.get(key)
  }

  isOpen(runId: string): boolean {
    return this.#open.has(this.#keyOf(runId))
  }

  /** Returns the id under which a run is recorded that a sender calls so. */
  idOf(runId: string): string {
    return this.#senders.runIdOf(runId, (id) => this.#open.has(id) || this.#ended.get(id) !== undefined)
  }

  /** A run goes on that had come to an end. */
  reopen(runId: string): void {
    const run = this.#ended.get(this.#keyOf(runId))
    if (run) run.goesOn = true
  }

  get open(): Iterable<Run> {
    return this.#open.values()
  }

  get size(): number {
    return this.#open.size
  }

  /** For `audit_attached` and `audit_detached`. */
  snapshot(): AuditEventData<'audit_attached'>['openRuns'] {
    return [...this.#open.values()].map(({ runId, agent, startedAt }) => ({ runId, agent, startedAt }))
  }

  /** Records the start of a run; inside another one, that one first gets `sub_agent_invoked`. */
  start(start: RunStart, place: Place, extras?: Extras): Run {
    const { activity, startedAt } = start
    const parent = place.run
    const named = start.parentRunId === undefined ? undefined : this.find(start.parentRunId)
    const before = this.find(start.runId)
    const runId = this.idOf(start.runId)
    this.#senders.own(runId)
    const run = new Run({
      runId,
      key: this.#senders.keyOf(runId),
      ...parentageOf(this.#parentOf(start), parent, place.node?.outside ?? place.outside),
      startedAt,
      agent: activity.agent,
      node: place.node,
      scope: place.node ? undefined : start.scope,
      contextScope: place.node ? undefined : this.#emitter.scopeIn(place.context),
      heirOf: place.node ? undefined : (named ?? parent),
      claims: place.node ? undefined : this.#emitter.claimsAt(place),
      mayLeak: activity.mayLeak ?? false,
      isStartMended: place.isTimeMended ?? false,
      source: place.source,
      nowMillis: this.#nowMillis(),
    })
    if (place.node) place.node.run = run
    if (before) run.continue(before)
    if (parent) this.#announce(run, place)
    this.#open.set(run.key, run)
    const { agent, model, trigger, details } = activity
    const data = start.data ?? { agent, model, trigger, ...details }
    this.#emitter.emit('run_started', data, startedAt, { ...place, run }, own(extras))
    if (!parent && place.node) this.#adoptBelow(run, place.node, place)
    if (this.#open.size > this.#maxOpenRuns) this.#evictOldest()
    return run
  }

  /** A run that began before anything was attached: its start is not recorded, its end will be. */
  adopt(start: RunStart, node: SpanNode, source: EventSource): Run {
    const run = new Run({
      runId: start.runId,
      key: start.runId,
      ...parentageOf(start, node.parent?.nearestRun(), node.outside),
      startedAt: start.startedAt,
      agent: start.activity.agent,
      node,
      mayLeak: false,
      isStartMended: false,
      source,
      nowMillis: this.#nowMillis(),
    })
    node.run = run
    this.#open.set(run.key, run)
    return run
  }

  /** Records the one terminal event of a run, by what its convention concluded. */
  conclude(
    run: Run,
    conclusion: Conclusion,
    time: Timestamp,
    place: Place,
    outcome = conclusion.outcome,
    error = conclusion.error ?? UNKNOWN_ERROR,
  ): void {
    const { finishReason, waitingFor, by } = conclusion
    const reason = conclusion.reason ?? 'unknown'
    if (outcome === 'failed') this.end(run, 'run_failed', { error }, time, place, conclusion)
    else if (outcome === 'cancelled') this.end(run, 'run_cancelled', { reason, by }, time, place, conclusion)
    else if (outcome === 'suspended') this.end(run, 'run_suspended', { reason, waitingFor }, time, place, conclusion)
    else this.end(run, 'run_completed', { finishReason }, time, place, conclusion)
  }

  /**
   * Records a terminal event unless the run already has one; one that was a guess is corrected. What was counted for the
   * run outweighs `data.usage`.
   */
  end<T extends TerminalType>(
    run: Run,
    type: T,
    data: AuditEventData<T>,
    time: Timestamp,
    place: Place,
    extras?: Pick<Extras, 'confidence' | 'altered'>,
  ): void {
    if (run.ended && !run.isEndGuessed) return
    const supersedes = run.isEndGuessed ? run.endId : undefined
    run.isEndGuessed = false
    this.#onEnd(run)
    run.suspended = type === 'run_suspended'
    this.#close(run)
    const full = {
      startedAt: run.startedAt,
      durationMs: millisBetween(run.startedAt, time),
      ...data,
      usage: run.usage ?? data.usage,
    }
    const ending = { ...place, run, node: run.node ?? place.node }
    const said = own(extras, run.usage && 'data.usage')
    const lost = lostOf(run, place)
    const altered = lost.length > 0 ? [...(said.altered ?? []), ...lost] : said.altered
    const told: Extras = { confidence: said.confidence, altered, supersedes }
    run.endId = this.#emitter.emit(type, full as AuditEventData<T>, time, ending, told)
  }

  /** A run that ended while nothing was attached. */
  forget(run: Run): void {
    run.isEndGuessed = false
    this.#close(run)
  }

  /** Runs that no span carries end unheard while nothing is attached. */
  forgetSpanless(): void {
    for (const run of this.#open.values()) if (!run.node) this.#close(run)
  }

  /**
   * Ends the runs whose spans leaked: those known to leak once a child failed or was cancelled and nothing is open below
   * them; any other when it has been silent for long, or, with `final`, because nothing more can come.
   */
  settle(final: boolean): void {
    const now = this.#nowMillis()
    // Inner runs come later in the map and are ended first, so that an outer one sees their failure.
    for (const run of [...this.#open.values()].reverse()) {
      const idle = run.node === undefined || !run.node.hasOpenDescendant
      const leaked = run.mayLeak && run.childEnd !== undefined && idle
      const patienceMillis = this.#abandonAfterMillis * (idle ? 1 : PATIENCE_WITH_OPEN_SPANS)
      const silent = now - run.lastSeenMillis >= patienceMillis
      if (final || leaked || silent) this.abandon(run)
    }
  }

  /**
   * Ends a run whose span seems not to end: failed or cancelled when its last child was, interrupted otherwise. When the
   * true end comes all the same, it supersedes this one.
   */
  abandon(run: Run): void {
    const time = timestampFromMillis(this.#nowMillis())
    const place = { run, node: run.node, context: undefined, source: run.source }
    const end = run.childEnd ?? run.toldEnd
    if (end) {
      if (run.node) noteEndOfChild(run.node, end)
      this.conclude(run, end, time, place)
    } else {
      this.end(run, 'run_interrupted', { reason: 'abandoned', lastEvent: run.lastEvent }, time, place)
    }
    run.isEndGuessed = true
  }

  /** What happened inside before the span told that it is a run: its sub-agents have started, tokens were spent. */
  #adoptBelow(run: Run, node: SpanNode, place: Place): void {
    let ofOthers: TokenUsage | undefined
    for (const sub of node.orphans) {
      if (sub.node?.counted) ofOthers = usagePlus(ofOthers, sub.node.counted)
      if (sub.parentRunId !== undefined && !sub.parentIsClaimed) continue
      sub.parentRunId = run.runId
      sub.parentIsClaimed = false
      this.#announce(sub, { ...place, run, node: sub.node })
    }
    if (node.counted) run.addUsage(ofOthers ? usageBeyond(node.counted, ofOthers) : node.counted)
    if (node.parent?.span) node.parent.addOrphan(run)
  }

  #keyOf(runId: string): string {
    return this.#senders.keyOf(this.idOf(runId))
  }

  #parentOf({ parentRunId }: RunStart): Pick<RunStart, 'parentRunId'> {
    return { parentRunId: parentRunId === undefined ? undefined : this.idOf(parentRunId) }
  }

  #close(run: Run): void {
    run.ended = true
    run.lastEvent = undefined
    this.#ended.set(run.key, run)
    // Another run may have come under the same id meanwhile.
    if (this.#open.get(run.key) === run) this.#open.delete(run.key)
  }

  #announce(run: Run, place: Place): void {
    const parentNode = place.node?.parent ?? place.run?.node
    const data = {
      agentId: run.agent.id ?? run.agent.name ?? 'unknown',
      subThreadId: run.inheritable(run.scope()).sessionId,
      subRunId: run.runId,
    }
    this.#emitter.emit('sub_agent_invoked', data, run.startedAt, { ...place, node: parentNode })
  }

  #evictOldest(): void {
    const [oldest] = this.#open.values()
    if (oldest) this.abandon(oldest)
  }
}

/** Fields of a terminal event that are not known whole, or not as they were told. */
function lostOf({ usageLoss, isStartMended }: Run, { isTimeMended }: Place): readonly Alteration[] {
  if (!usageLoss && !isStartMended && !isTimeMended) return NOTHING_LOST
  return [
    ...(usageLoss ? [lostAt('data.usage', usageLoss)] : []),
    ...(isStartMended ? [START_MENDED] : []),
    ...(isStartMended || isTimeMended ? [DURATION_MENDED] : []),
  ]
}

/** The run around a run: the one that the application names, else the one it is in, else the one that a caller names. */
function parentageOf(
  { parentRunId }: Pick<RunStart, 'parentRunId'>,
  parent: Run | undefined,
  outside: Outside | undefined,
): Pick<Run, 'parentRunId' | 'parentIsClaimed'> {
  const known = parentRunId ?? parent?.runId
  if (known !== undefined) return { parentRunId: known, parentIsClaimed: false }
  const claimed = outside?.claimedParentRunId
  return { parentRunId: claimed, parentIsClaimed: claimed !== undefined }
}

/** What a fact says beside its data and scope, less what is said of a field that the log knows better. */
function own({ confidence, altered }: Pick<Extras, 'confidence' | 'altered'> = {}, known?: string): Extras {
  const rest = known ? altered?.filter(({ field }) => !field.startsWith(known)) : altered
  return { confidence, altered: rest?.length ? rest : undefined }
}
