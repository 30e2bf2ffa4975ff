import type { Context } from '@opentelemetry/api'
import type { ClaimedScope } from '../../events/index.js'
import type { CallerClaims } from '../caller-claims.js'
import type { Activity, RecognisedSpan, ScopeIds } from '../conventions/contract.js'
import { type SpanLike, scopeOf } from '../span.js'
import { EventCount } from './event-count.js'
import { NewestSet } from './newest-set.js'
import type { Recognition } from './recognition.js'
import type { Run, RunFamily, TrackedSpan } from './run.js'
import type { ResolvedScope } from './scope.js'
import { SpanErrors } from './span-errors.js'
import { SpanRecord } from './span-record.js'
import { type ScopedSpan, SpanScope } from './span-scope.js'
import { SpanUsage } from './span-usage.js'
import { type TreeEntry, TreeNode } from './tree-node.js'
import type { UntakenOfSpan } from './untaken-of-span.js'

const NO_NODES: readonly SpanNode[] = Object.freeze([])
const MAX_ORPHANS = 256
const MAX_UNNAMED_RUNS = 256

/** The data with which a span is entered into the tree. */
export interface SpanEntry extends TreeEntry<SpanNode> {
  /** The context of the span; `undefined` for a span that began before anyone listened. */
  readonly context: Context | undefined
}

/**
 * One span in the tree of those that are followed, and what is known of it. It hangs on the span itself, so it lives as long.
 * Nothing is known of most spans: what few have is made when it is needed.
 */
export class SpanNode extends TreeNode<SpanNode> implements ScopedSpan, RunFamily {
  readonly #callers: CallerClaims
  #context: Context | undefined
  #recognition: Recognition | undefined = undefined
  #instrumentation: string | undefined = undefined
  #surrounding: RecognisedNode | undefined = undefined
  #run: Run | undefined = undefined
  #reportedRun: Run | undefined = undefined
  #orphans: SpanNode[] | undefined = undefined
  #unnamed: NewestSet<Run> | undefined = undefined
  #scope: SpanScope | undefined = undefined
  #usage: SpanUsage | undefined = undefined
  #errors: SpanErrors | undefined = undefined
  #events: EventCount | undefined = undefined
  #untaken: UntakenOfSpan | undefined = undefined
  #record: SpanRecord | undefined = undefined
  #replayed: SpanNode | undefined = undefined

  constructor(entry: SpanEntry, callers: CallerClaims) {
    super(entry)
    this.#context = entry.context
    this.#callers = callers
  }

  get context(): Context | undefined {
    return this.#context
  }

  /** The answer of the convention that knows the span. */
  get recognition(): Recognition | undefined {
    return this.#recognition
  }

  /** The name of the instrumentation scope that made the span, once the span is recognised. */
  get instrumentation(): string | undefined {
    return this.#instrumentation
  }

  /** A convention knows the span; perhaps once more later, as one that turns out to be a run. */
  recogniseAs(recognition: Recognition): void {
    this.#recognition = recognition
    if (this.span) this.#instrumentation = scopeOf(this.span).name
    this.ownScope.recognise(recognition.activity.scope)
  }

  get isLasting(): boolean {
    return this.#recognition !== undefined || this.#run !== undefined
  }

  override moveBelow(parent: SpanNode): boolean {
    const isMoved = super.moveBelow(parent)
    if (isMoved) this.#scope?.reset()
    return isMoved
  }

  /** The nearest ancestor that a convention knows. */
  recognisedParent(): SpanNode | undefined {
    let node = this.parent
    while (node && !node.#recognition) node = node.parent
    return node
  }

  /** The outermost span around that is kept, or the span itself. */
  get outermost(): SpanNode {
    let node: SpanNode = this
    for (let above = node.parent; above; above = above.parent) node = above
    return node
  }

  /** The span as conventions see it: the same object every time. */
  asSurrounding(): RecognisedNode | undefined {
    if (this.#recognition) this.#surrounding ??= new RecognisedNode(this)
    return this.#surrounding
  }

  /** The run that the span is. */
  get run(): Run | undefined {
    return this.#run
  }

  /** The span is a run, and no other from now on. */
  becomeRun(run: Run): void {
    this.#run ??= run
  }

  /** The span belongs to a run that log records have reported, though no span around it is one. */
  joinRun(reported: Run | undefined): void {
    this.#reportedRun = reported
  }

  /** The run that the span belongs to: its own, or that of the nearest ancestor which is one. */
  nearestRun(): Run | undefined {
    for (let node: SpanNode | undefined = this; node; node = node.parent) {
      const run = node.#run ?? node.#reportedRun
      if (run) return run
    }
    return undefined
  }

  /** Runs that started below before the span was known as a run, and found no other around them. */
  get orphans(): readonly SpanNode[] {
    return this.#orphans ?? NO_NODES
  }

  addOrphan(run: SpanNode): void {
    this.#orphans ??= []
    if (this.#orphans.length < MAX_ORPHANS) this.#orphans.push(run)
  }

  get unnamed(): NewestSet<Run> | undefined {
    return this.#unnamed
  }

  addUnnamed(run: Run): void {
    this.#unnamed ??= new NewestSet(MAX_UNNAMED_RUNS)
    this.#unnamed.add(run)
  }

  /** The part of its scope that is the span's own. */
  get ownScope(): SpanScope {
    this.#scope ??= new SpanScope(this, this.#callers)
    return this.#scope
  }

  /** The scope of the events of the span. */
  scope(): ResolvedScope {
    return this.ownScope.resolve()
  }

  contextScope(): ScopeIds {
    return this.ownScope.context
  }

  claims(): ClaimedScope | undefined {
    return this.ownScope.claims()
  }

  extendScope(facts: ScopeIds): TrackedSpan | undefined {
    return this.ownScope.extend(facts)
  }

  completeScope(facts: ScopeIds): TrackedSpan | undefined {
    return this.ownScope.complete(facts)
  }

  /** Tokens that are counted at the span; `undefined` while there are none. */
  get usage(): SpanUsage | undefined {
    return this.#usage
  }

  /** The tokens, to count more. */
  get ownUsage(): SpanUsage {
    this.#usage ??= new SpanUsage()
    return this.#usage
  }

  /** Errors that are recorded at the span and below; `undefined` while there are none. */
  get errors(): SpanErrors | undefined {
    return this.#errors
  }

  /** The errors, to record another one. */
  get ownErrors(): SpanErrors {
    this.#errors ??= new SpanErrors()
    return this.#errors
  }

  /** The count of the events that are taken; `undefined` while the span has had none. */
  get events(): EventCount | undefined {
    return this.#events
  }

  /** The count, to count another one. */
  get ownEvents(): EventCount {
    this.#events ??= new EventCount()
    return this.#events
  }

  countEvents(count: EventCount): void {
    this.#events = count
  }

  /** Attributes that the span has not taken; `undefined` while nobody holds them. */
  get untaken(): UntakenOfSpan | undefined {
    return this.#untaken
  }

  holdUntaken(untaken: UntakenOfSpan): void {
    this.#untaken = untaken
  }

  /** The part of the span that is recorded; `undefined` while it is none. */
  get record(): SpanRecord | undefined {
    return this.#record
  }

  /** The record, to record more. */
  get ownRecord(): SpanRecord {
    this.#record ??= new SpanRecord()
    return this.#record
  }

  /** The span has the ids of one that has been here before: an engine for durable workflows replays it. */
  replay(before: SpanNode): void {
    this.#replayed = before
  }

  /**
   * Makes a replayed span the same as the one before: what that one has reported is not recorded again. A run that was
   * suspended goes on in a run of its own.
   *
   * @returns whether it is the same
   */
  continueReplayed(): boolean {
    const before = this.#replayed
    this.#replayed = undefined
    if (!before || before.#run?.end.isSuspended) return false
    this.#run = before.#run
    this.ownRecord.continue(before.ownRecord, before.#events?.taken ?? 0)
    return true
  }

  /** The span has ended: what only an open span needs is let go. */
  end(): void {
    if (!this.span) return
    this.#untaken = undefined
    // They may be those of a span further out.
    if (!this.#run && this.parent?.span) for (const orphan of this.orphans) this.parent.addOrphan(orphan)
    this.#orphans = undefined
    // Children may still ask what it said. It is let go in any case, since it holds the parent, and that its own.
    if (this.isLasting || this.hasOpenDescendant) this.ownScope.keepContext()
    this.#context = undefined
    this.endSpan()
  }
}

/** A recognised span, as conventions see it. */
export class RecognisedNode implements RecognisedSpan {
  readonly node: SpanNode

  /** @param node - recognised, perhaps once more later: it may turn out to be a run */
  constructor(node: SpanNode) {
    this.node = node
  }

  get convention(): string {
    return this.#recognition.convention.name
  }

  get activity(): Activity {
    return this.#recognition.activity
  }

  get #recognition(): Recognition {
    return this.node.recognition as Recognition
  }

  get span(): SpanLike | undefined {
    return this.node.span
  }

  get outer(): RecognisedNode | undefined {
    return this.node.recognisedParent()?.asSurrounding()
  }
}
