import type { Attributes, Context, SpanContext } from '@opentelemetry/api'
import type { ClaimedScope, TokenUsage } from '../../events/index.js'
import { ownAttributes } from '../../record/context.js'
import { type CallerClaims, NOTHING_SAID, overlayClaims, partFacts, type Said } from '../caller-claims.js'
import type { Activity, Convention, RecognisedSpan, ScopeIds } from '../conventions/contract.js'
import { namesTenantOrSession, scopeFromAttributes } from '../conventions/shared/scope-attributes.js'
import type { Outside } from '../outside.js'
import { parentSpanIdOf, type SpanLike, scopeOf } from '../span.js'
import type { ToldErrors } from './error-echo.js'
import type { Run } from './run.js'
import { type ResolvedScope, resolveScope } from './scope.js'
import type { Ear } from './span-events.js'
import type { ToolCall } from './tool-calls.js'
import type { Untaken } from './untaken-attributes.js'

/** A convention's word on what a span is. */
export interface Claim {
  readonly convention: Convention
  readonly activity: Activity
}

const NOTHING: ScopeIds = Object.freeze({})
const NO_RUNS: readonly Run[] = Object.freeze([])
const MAX_ORPHANS = 256

/** Tokens that a span told of at its end, for itself and all that had started inside of it by then. */
export interface ToldUsage {
  readonly usage: TokenUsage
  readonly lastSerial: number
}

/** Counts spans in the order of their start, for which their clocks are too coarse. */
let lastSerial = 0

/** Returns a number that no span and no parent outside has had before. */
export function nextSerial(): number {
  return ++lastSerial
}

/** The data with which a span is entered into the tree. */
export interface SpanEntry {
  readonly span: SpanLike
  /** The context of the span; `undefined` for a span that began before anyone listened. */
  readonly context: Context | undefined
  readonly parent: SpanNode | undefined
  /** Its parent, where that is no span of this process. */
  readonly outside: Outside | undefined
  /** Of a span that was delivered after its end: identifies what was told together. */
  readonly flow?: string
}

/**
 * One span in the tree of those that are followed. It hangs on the span itself, so it lives as long; it keeps its parent
 * alive, never its children.
 */
export class SpanNode {
  readonly serial = nextSerial()
  readonly #ids: SpanContext
  parentSpanId: string | undefined
  readonly kind: number
  /** It was told after its end. */
  readonly isDelivered: boolean
  /** The parent outside of this process that it is below of, if any. */
  readonly outside: Outside | undefined
  /** The parent under which it was started, where it has been moved since. */
  #startedBelow: number | string | undefined = undefined
  readonly #callers: CallerClaims
  #parent: SpanNode | undefined
  /** Let go when the span has ended. */
  span: SpanLike | undefined
  #claim: Claim | undefined = undefined
  #teller: string | undefined = undefined
  #surrounding: ClaimedSpan | undefined = undefined
  /** The run that this span is. */
  run: Run | undefined = undefined
  /** The run, told in log records, that it belongs to though no span around it is one. */
  toldRun: Run | undefined = undefined
  /** The record of its heard events; `undefined` while it has had none. */
  ear: Ear | undefined = undefined
  /** Attributes that the span has not taken; `undefined` while nobody listens to them. */
  untaken: Untaken | undefined = undefined
  /** Runs of this tree that wait for a tenant or a session, where this is its outermost span. */
  unnamed: Set<Run> | undefined = undefined
  /** Of a tool call: told at its start, so that its end carries the same. */
  callId: string | undefined = undefined
  /** Of a tool call: the recorded call that the span tells of. */
  toolCall: ToolCall | undefined = undefined
  /** Another span has told what this one tells: it adds nothing but an end that the other does not know. */
  tellsAgain = false
  /** The span of the same ids that has been here before: an engine replays it. */
  replayed: SpanNode | undefined = undefined
  /** The end of the span is recorded. */
  concluded = false
  /** Of a replayed span: so many of its events come that were heard before. */
  eventsToldBefore = 0
  /** Tokens at this span and below it that are counted already. */
  counted: TokenUsage | undefined = undefined
  /** Which instrumentation told of them, as far as they are of the same run. */
  countedBy: string | undefined = undefined
  /** The sum that the span told when it ended, less what spans inside have told since. */
  told: ToldUsage | undefined = undefined
  /** The error that was recorded as the span's, and those recorded below it. */
  errors: ToldErrors | undefined = undefined
  #orphans: Run[] | undefined = undefined
  /** Children that are open, or have something open below them. */
  #openBelow = 0
  /** Ancestors that are kept. */
  readonly depth: number
  #context: Context | undefined
  #said: Said | undefined = undefined
  #scope: ResolvedScope | undefined = undefined
  /** The claims of a caller that its attributes only repeat. */
  #repeatedClaims: ClaimedScope | undefined = undefined
  /** What the span's own attributes and its convention say of its scope, as far as it is known. */
  #explicit: ScopeIds = NOTHING
  /** The part of it that was known before anything else could start below. */
  #told: ScopeIds = NOTHING

  constructor({ span, context, parent, outside, flow }: SpanEntry, callers: CallerClaims) {
    this.#ids = span.spanContext()
    this.parentSpanId = parentSpanIdOf(span)
    this.kind = span.kind
    this.outside = parent ? parent.outside : outside
    this.isDelivered = flow !== undefined
    if (!parent && !outside) this.#startedBelow = flow
    this.#callers = callers
    this.#parent = lasting(parent)
    this.depth = this.#parent ? this.#parent.depth + 1 : 0
    this.span = span
    this.#context = context
    this.#openToParent()
  }

  get parent(): SpanNode | undefined {
    return this.#parent
  }

  /** The open span belongs below another than the one it was started under. */
  moveBelow(parent: SpanNode): void {
    if (!this.span) return
    for (let node: SpanNode | undefined = parent; node; node = node.#parent) if (node === this) return
    this.#startedBelow = this.flow
    this.#closeToParent()
    this.#parent = parent
    this.#scope = undefined
    this.#openToParent()
  }

  /** Now the span has come of which only the ids were known. */
  arrive(span: SpanLike, parent: SpanNode | undefined): void {
    this.parentSpanId = parentSpanIdOf(span)
    if (parent) this.moveBelow(parent)
  }

  /** Identifies the parent under which the span was started, by a value that no caller can send. */
  get flow(): number | string {
    return this.#startedBelow ?? this.#parent?.serial ?? this.outside?.serial ?? this.parentSpanId ?? ''
  }

  /**
   * Tells whether these are the ids of this very span: the object that the span hands out, which a caller cannot send.
   * Ids that are merely equal may have left the process and come back.
   */
  hasIds(ids: SpanContext | undefined): boolean {
    return this.#ids === ids
  }

  get spanId(): string {
    return this.#ids.spanId
  }

  get traceId(): string {
    return this.#ids.traceId
  }

  /** Whether a span below this one is still open. */
  get hasOpenDescendant(): boolean {
    return this.#openBelow > 0
  }

  /** The name of the instrumentation scope that made the span, once the span is claimed. */
  get teller(): string | undefined {
    return this.#teller
  }

  get claim(): Claim | undefined {
    return this.#claim
  }

  /** A convention has told what the span is. */
  claimAs(claim: Claim): void {
    this.#claim = claim
    if (this.span) this.#teller = scopeOf(this.span).name
    this.#explicit = this.ownFacts(this.scopeSaid(claim.activity.scope))
    this.#told = lastSerial === this.serial ? this.#explicit : NOTHING
    this.#scope = undefined
  }

  /** Whose the open span is by its attributes: by their standard names, by its convention, by the application's own names. */
  scopeSaid(byConvention: ScopeIds = NOTHING): ScopeIds {
    if (!this.span) return byConvention
    const { attributes } = this.span
    const said = overlay(scopeFromAttributes(attributes), byConvention)
    const { names } = this.#callers
    return names ? overlay(said, names.scopeIn(attributes)) : said
  }

  /**
   * Returns the part of the open span's attributes that the application gives. The part that a caller gives becomes a
   * claim.
   */
  ownFacts(facts: ScopeIds): ScopeIds {
    const { baggage } = this.#inContext
    if (!baggage || !this.span || !this.#context) return facts
    const above = this.#parent
    const around = above?.span && above.#inContext.baggage === baggage ? above.span.attributes : undefined
    const words = { own: ownAttributes(this.#context), around }
    const { own, claims } = partFacts(facts, this.span.attributes, baggage, words)
    this.#repeatedClaims = overlayClaims(this.#repeatedClaims, claims)
    return own
  }

  /** The run id, and that of the run around it, where attributes name them. */
  get explicitScope(): ScopeIds {
    return this.#explicit
  }

  /** The span has ended, and tells of tokens. */
  tell(usage: TokenUsage): void {
    this.told = { usage, lastSerial }
  }

  get context(): Context | undefined {
    return this.#context
  }

  /** The run this span belongs to: its own, or that of the nearest ancestor which is one. */
  nearestRun(): Run | undefined {
    for (let node: SpanNode | undefined = this; node; node = node.parent) {
      const run = node.run ?? node.toldRun
      if (run) return run
    }
    return undefined
  }

  /** The outermost span around that is kept, or the span itself. */
  get outermost(): SpanNode {
    let node: SpanNode = this
    while (node.#parent) node = node.#parent
    return node
  }

  /** The nearest ancestor that a convention claimed. */
  claimedParent(): SpanNode | undefined {
    let node = this.parent
    while (node && !node.claim) node = node.parent
    return node
  }

  /** Runs that started below before this span told that it is a run, and found no other around them. */
  get orphans(): readonly Run[] {
    return this.#orphans ?? NO_RUNS
  }

  addOrphan(run: Run): void {
    this.#orphans ??= []
    if (this.#orphans.length < MAX_ORPHANS) this.#orphans.push(run)
  }

  /** As conventions see it: the same object every time. */
  asSurrounding(): ClaimedSpan | undefined {
    if (this.#claim) this.#surrounding ??= new ClaimedSpan(this)
    return this.#surrounding
  }

  /**
   * Learns what holds for all of the run that the span is in, wherever nobody has told otherwise; for the runs around, too.
   *
   * @returns the outermost span of which a tenant or a session has become known
   */
  learnRunScope(facts: ScopeIds): SpanNode | undefined {
    const run = this.nearestRun()?.node
    if (!run) return undefined
    const known = run.scope()
    const hasLearned =
      (known.sessionDerived && facts.sessionId !== undefined) ||
      (known.tenantId === undefined && facts.tenantId !== undefined)
    run.#explicit = overlay(run.#explicit, {
      sessionId: known.sessionDerived ? facts.sessionId : undefined,
      tenantId: known.tenantId === undefined ? facts.tenantId : undefined,
      userId: known.userId === undefined ? facts.userId : undefined,
    })
    run.#scope = undefined
    return run.parent?.learnRunScope(facts) ?? (hasLearned ? run : undefined)
  }

  /**
   * Scope that came to light after the span was claimed. A tenant and a session are also those of the run around, unless
   * it has its own or the span is a run itself. A user is never a parent's because it is a child's.
   *
   * @returns the outermost span of which a tenant or a session has become known
   */
  learnScope(facts: ScopeIds): SpanNode | undefined {
    this.#explicit = overlay(this.#explicit, facts)
    this.#scope = undefined
    const { tenantId, sessionId } = this.#explicit
    const hasLearned = tenantId !== this.#told.tenantId || sessionId !== this.#told.sessionId
    this.#told = this.#explicit
    const isTold = this.run === undefined && (tenantId ?? sessionId) !== undefined
    return (isTold ? this.#tellRun(tenantId, sessionId) : undefined) ?? (hasLearned ? this : undefined)
  }

  #tellRun(tenantId: string | undefined, sessionId: string | undefined): SpanNode | undefined {
    const around = this.#parent?.nearestRun()?.node
    if (!around) return undefined
    const known = around.scope()
    const isLackingTenant = tenantId !== undefined && known.tenantId === undefined
    const isLackingSession = sessionId !== undefined && known.sessionDerived
    if (!isLackingTenant && !isLackingSession) return undefined
    return around.learnScope({
      tenantId: isLackingTenant ? tenantId : undefined,
      sessionId: isLackingSession ? sessionId : undefined,
    })
  }

  /** Whose the events of this span are. */
  scope(): ResolvedScope {
    // What is not named yet is asked for again: it may have been set meanwhile, here or further out.
    if (this.#scope && !this.#scope.sessionDerived && this.#scope.tenantId !== undefined) return this.#scope
    if (this.#claim && this.span && this.#namesTenantOrSession(this.span.attributes)) {
      this.#explicit = overlay(this.ownFacts(this.scopeSaid()), this.#explicit)
    }
    const around = this.parent?.contextScope() ?? NOTHING
    const derivedSession = this.outside?.sessionId ?? this.traceId
    this.#scope = resolveScope(this.#explicit, this.contextScope(), around, this.#scopeAround(), derivedSession)
    return this.#scope
  }

  #scopeAround(): ResolvedScope | undefined {
    const around = this.#parent
    if (!around) return undefined
    return around.run ? around.run.inheritable(around.scope()) : around.scope()
  }

  #namesTenantOrSession(attributes: Attributes): boolean {
    if (namesTenantOrSession(attributes)) return true
    const named = this.#callers.names?.scopeIn(attributes)
    return named?.sessionId !== undefined || named?.tenantId !== undefined
  }

  contextScope(): ScopeIds {
    return this.#inContext.scope
  }

  /** Returns the scope that callers claim for the events of this span. */
  claims(): ClaimedScope | undefined {
    let claims: ClaimedScope | undefined
    for (let node: SpanNode | undefined = this; node; node = node.#parent) {
      const said = node.#inContext.claims ?? node.#repeatedClaims
      if (said) claims = overlayClaims(overlayClaims(said, node.#repeatedClaims), claims)
    }
    return claims
  }

  get #inContext(): Said {
    this.#said ??= this.#context ? this.#callers.read(this.#context) : NOTHING_SAID
    return this.#said
  }

  /** The span has ended: what only an open span needs is let go. */
  end(): void {
    if (!this.span) return
    this.span = undefined
    this.untaken = undefined
    // They may be those of a span further out.
    if (!this.run && this.#parent?.span) for (const run of this.orphans) this.#parent.addOrphan(run)
    this.#orphans = undefined
    // Children may still ask what it said. It is let go in any case, since it holds the parent, and that its own.
    if (this.#claim || this.run || this.#openBelow > 0) this.#said = this.#inContext
    this.#context = undefined
    // A node is open to its parent until it has ended and nothing is open below it.
    if (this.#openBelow === 0) this.#closeToParent()
  }

  /** A parent that had come to its end, with all below it, is open again to its own parent. */
  #openToParent(): void {
    for (let above = this.#parent; above; above = above.#parent) {
      const wasOpen = above.#isOpen
      above.#openBelow++
      if (wasOpen) break
    }
  }

  #closeToParent(): void {
    for (let above = this.#parent; above; above = above.#parent) {
      above.#openBelow--
      if (above.#isOpen) break
    }
  }

  get #isOpen(): boolean {
    return this.span !== undefined || this.#openBelow > 0
  }
}

/** A chain of spans that is longer is cut: work that starts itself anew would otherwise hold on to all there ever was. */
const MAX_DEPTH = 1000

/** The nearest ancestor that is worth keeping alive: what has ended and was no agent's tells a child nothing. */
function lasting(parent: SpanNode | undefined): SpanNode | undefined {
  let node = parent
  while (node && !node.span && !node.claim && !node.run) node = node.parent
  return node && node.depth < MAX_DEPTH ? node : undefined
}

/** A claimed node, as conventions see it. */
export class ClaimedSpan implements RecognisedSpan {
  readonly node: SpanNode

  /** @param node - claimed, perhaps once more later: it may turn out to be a run */
  constructor(node: SpanNode) {
    this.node = node
  }

  get convention(): string {
    return this.#claim.convention.name
  }

  get activity(): Activity {
    return this.#claim.activity
  }

  get #claim(): Claim {
    return this.node.claim as Claim
  }

  get span(): SpanLike | undefined {
    return this.node.span
  }

  get outer(): ClaimedSpan | undefined {
    return this.node.claimedParent()?.asSurrounding()
  }
}

/** What `over` says, and what `under` says besides. */
export function overlay(under: ScopeIds, over: ScopeIds): ScopeIds {
  return {
    tenantId: over.tenantId ?? under.tenantId,
    sessionId: over.sessionId ?? under.sessionId,
    userId: over.userId ?? under.userId,
    runId: over.runId ?? under.runId,
    parentRunId: over.parentRunId ?? under.parentRunId,
  }
}
