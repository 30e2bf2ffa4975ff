import { randomUUID } from 'node:crypto'
import { dataFields } from '../../events/fields.js'
import { type Alteration, type AuditEventType, type Timestamp, weakest } from '../../events/index.js'
import { nearestName } from '../../events/nearest.js'
import { isReserved, unreserved } from '../../events/reserved.js'
import { reportMisuse } from '../../record/misuse.js'
import type { Convention, Fact } from '../conventions/contract.js'
import type { Emitter, EventOrigin, SpanOrigin } from './emitter.js'
import { notSuspended } from './run.js'
import type { RunBook } from './run-book.js'
import type { TerminalType } from './run-end.js'
import type { SpanNode } from './span-node.js'
import type { UsageLedger } from './usage-ledger.js'

const TERMINAL: ReadonlySet<string> = new Set<TerminalType>([
  'run_completed',
  'run_failed',
  'run_cancelled',
  'run_suspended',
  'run_interrupted',
])

type FactOf<T extends AuditEventType> = Extract<Fact, { readonly type: T }>

/** Types of users' own that are remembered, so that each is looked at once. */
const MAX_OWN_TYPES = 256

/** The id of a run that a span carries, unless its attributes name another. */
export function runIdOf(node: SpanNode): string {
  return node.ownScope.explicit.runId ?? `${node.traceId}-${node.spanId}`
}

/** Records what conventions state outright: facts beside a span's kind, and events added to spans or logged. */
export class FactRecorder {
  readonly #emitter: Emitter
  readonly #runs: RunBook
  readonly #ledger: UsageLedger
  readonly #ownTypes = new Set<string>()
  readonly #byEventScope: ReadonlyMap<string, Convention>
  readonly #byEventPrefix: readonly { readonly prefix: string; readonly convention: Convention }[]

  constructor(options: { emitter: Emitter; runs: RunBook; ledger: UsageLedger; conventions: readonly Convention[] }) {
    this.#emitter = options.emitter
    this.#runs = options.runs
    this.#ledger = options.ledger
    this.#byEventScope = new Map(
      options.conventions.flatMap((convention) =>
        (convention.eventInstrumentationScopes ?? []).map((scope) => [scope, convention] as const),
      ),
    )
    this.#byEventPrefix = options.conventions.flatMap((convention) =>
      (convention.eventPrefixes ?? []).map((prefix) => ({ prefix, convention })),
    )
  }

  /** The convention that reads events of this name in spans of any convention, or in those of a scope. */
  reader(eventName: string, scope: string): Convention | undefined {
    for (const { prefix, convention } of this.#byEventPrefix) if (eventName.startsWith(prefix)) return convention
    return this.#byEventScope.get(scope)
  }

  record(stated: Fact, time: Timestamp, origin: SpanOrigin): void {
    const fact = this.#withRecordedIds(isReserved(stated) ? withoutAuthority(stated) : stated)
    const at = fact.time ?? time
    if (fact.type === 'run_started') this.#startRun(fact, at, origin)
    else if (isTerminal(fact)) this.#endRun(fact, at, this.#originOf(fact, origin))
    else if (fact.type === 'token_usage_updated') this.#recordUsage(fact, at, this.#originOf(fact, origin))
    else this.#emit(fact, at, this.#originOf(fact, origin))
  }

  /** A sender's ids of runs are those under which its own are recorded. */
  #withRecordedIds(fact: Fact): Fact {
    const { runId, parentRunId } = fact.scope ?? {}
    if (runId === undefined && parentRunId === undefined) return fact
    const scope = {
      ...fact.scope,
      ...(runId !== undefined && { runId: this.#runs.idOf(runId) }),
      ...(parentRunId !== undefined && { parentRunId: this.#runs.idOf(parentRunId) }),
    }
    return { ...fact, scope }
  }

  /** Returns the origin at the run that the fact names, else at the one around it. */
  #originOf(fact: Fact, origin: SpanOrigin): SpanOrigin {
    const named = fact.scope?.runId
    return named === undefined ? origin : { ...origin, run: this.#runs.find(named) }
  }

  /** The span becomes the run, unless it is one already; a second start of the same run says nothing new. */
  #startRun(fact: FactOf<'run_started'>, time: Timestamp, origin: SpanOrigin): void {
    const { node } = origin
    const named = fact.scope?.runId
    if (named === undefined ? node?.run && !node.run.hasEnded : this.#runs.isOpen(named)) return
    const carrier = node && !node.run ? node : undefined
    const runId = named ?? (carrier ? runIdOf(carrier) : randomUUID())
    const { parentRunId } = fact.scope ?? {}
    const enclosing = notSuspended(origin.run)
    this.#runs.start(
      { activity: fact.data, data: fact.data, runId, startedAt: time, parentRunId, scope: fact.scope },
      // The context may name the run itself, as one that was before under its id.
      { ...origin, run: enclosing?.runId === runId ? undefined : enclosing, node: carrier },
    )
  }

  #endRun(fact: FactOf<TerminalType>, time: Timestamp, origin: EventOrigin): void {
    const { run } = origin
    if (!run || run.end.recordAgain(fact.type)) this.#emit(fact, time, origin)
    else this.#runs.end(run, fact, { time, origin, marks: fact })
  }

  #recordUsage(fact: FactOf<'token_usage_updated'>, time: Timestamp, origin: SpanOrigin): void {
    const counted = this.#ledger.countStated(origin.node, fact.data, origin.source.scope)
    if (!counted) return
    const { data } = counted
    const confidence = counted.confidence ? weakest(fact.confidence, counted.confidence) : fact.confidence
    origin.run?.tally.addUsage(data)
    this.#emit({ ...fact, data, confidence, altered: joined(fact.altered, counted.altered) }, time, origin)
  }

  #emit(fact: Fact, time: Timestamp, origin: EventOrigin): void {
    if (!dataFields.has(fact.type)) this.#reviewOwnType(fact.type)
    if (fact.type === 'resumed' && fact.scope?.runId !== undefined) this.#runs.reopen(fact.scope.runId)
    const { scope, confidence, altered } = fact
    this.#emitter.emit(fact, time, origin, { scope, confidence, altered })
  }

  /** A type that the catalogue does not have is recorded as it is: it may be the user's own, or a slip of the pen. */
  #reviewOwnType(type: string): void {
    if (this.#ownTypes.size >= MAX_OWN_TYPES || this.#ownTypes.has(type)) return
    this.#ownTypes.add(type)
    const meant = nearestName(type, dataFields.keys())
    if (meant === undefined) return
    reportMisuse(
      `an event of the type '${type.slice(0, 64)}' was recorded, which is not in the catalogue; did you mean '${meant}'?`,
    )
  }
}

function isTerminal(fact: Fact): fact is FactOf<TerminalType> {
  return TERMINAL.has(fact.type)
}

function joined(
  stated: readonly Alteration[] | undefined,
  found: readonly Alteration[] | undefined,
): readonly Alteration[] | undefined {
  return stated && found
    ? [...stated, ...found.filter(({ field }) => stated.every((one) => one.field !== field))]
    : (stated ?? found)
}

/** Telemetry cannot speak for a log: a statement of the log's own is kept as a custom event. */
function withoutAuthority(fact: Fact): Fact {
  reportMisuse(
    `AUDIT_EVENT_INVALID: '${fact.type}' is a statement that only the log itself makes; it was recorded as a custom event`,
  )
  return { ...fact, ...unreserved(fact) } as Fact
}
