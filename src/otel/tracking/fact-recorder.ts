import { randomUUID } from 'node:crypto'
import { dataFields } from '../../events/fields.js'
import { type Alteration, type AuditEventData, type Timestamp, weakest } from '../../events/index.js'
import { nearestName } from '../../events/nearest.js'
import { isReserved, unreserved } from '../../events/reserved.js'
import { reportMisuse } from '../../record/misuse.js'
import type { Convention, Fact } from '../conventions/contract.js'
import type { Emitter, Place } from './emitter.js'
import { notSuspended } from './run.js'
import type { RunBook, TerminalType } from './run-book.js'
import type { SpanNode } from './span-node.js'
import type { UsageLedger } from './usage-ledger.js'

const TERMINAL: ReadonlySet<string> = new Set<TerminalType>([
  'run_completed',
  'run_failed',
  'run_cancelled',
  'run_suspended',
  'run_interrupted',
])

/** Types of users' own that are remembered, so that each is looked at once. */
const MAX_OWN_TYPES = 256

/** Ids under which a run that a span carries is known unless its attributes name another. */
export function runIdOf(node: SpanNode): string {
  return node.explicitScope.runId ?? `${node.traceId}-${node.spanId}`
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
        (convention.eventScopes ?? []).map((scope) => [scope, convention] as const),
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

  record(told: Fact, time: Timestamp, place: Place): void {
    const fact = this.#withRecordedIds(isReserved(told) ? withoutAuthority(told) : told)
    const at = fact.time ?? time
    const there = this.#placeOf(fact, place)
    if (fact.type === 'run_started') this.#startRun(fact, at, place)
    else if (TERMINAL.has(fact.type)) this.#endRun(fact as Fact & { type: TerminalType }, at, there)
    else if (fact.type === 'token_usage_updated') this.#recordUsage(fact, at, there)
    else this.#emit(fact, at, there)
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
    return { ...fact, scope } as Fact
  }

  /** At the run that the fact names, else at the one around it. */
  #placeOf(fact: Fact, place: Place): Place {
    const named = fact.scope?.runId
    return named === undefined ? place : { ...place, run: this.#runs.find(named) }
  }

  /** The span becomes the run, unless it is one already; a second start of the same run says nothing new. */
  #startRun(fact: Fact & { type: 'run_started' }, time: Timestamp, place: Place): void {
    const { node } = place
    const named = fact.scope?.runId
    if (named === undefined ? node?.run && !node.run.ended : this.#runs.isOpen(named)) return
    const carrier = node && !node.run ? node : undefined
    const runId = named ?? (carrier ? runIdOf(carrier) : randomUUID())
    const { parentRunId } = fact.scope ?? {}
    const around = notSuspended(place.run)
    this.#runs.start(
      { activity: fact.data, data: fact.data, runId, startedAt: time, parentRunId, scope: fact.scope },
      // The context may name the run itself, as one that was before under its id.
      { ...place, run: around?.runId === runId ? undefined : around, node: carrier },
    )
  }

  #endRun(fact: Fact & { type: TerminalType }, time: Timestamp, place: Place): void {
    const { run } = place
    if (run?.ended && !run.isEndGuessed && (run.suspended || run.goesOn)) {
      run.suspended = fact.type === 'run_suspended'
      run.goesOn = false
      this.#emit(fact, time, place)
    } else if (run) this.#runs.end(run, fact.type, fact.data as AuditEventData<TerminalType>, time, place, fact)
    else this.#emit(fact, time, place)
  }

  #recordUsage(fact: Fact & { type: 'token_usage_updated' }, time: Timestamp, place: Place): void {
    const counted = this.#ledger.countStated(place.node, fact.data, place.source.scope)
    if (!counted) return
    const { data } = counted
    const confidence = counted.confidence ? weakest(fact.confidence, counted.confidence) : fact.confidence
    place.run?.addUsage(data)
    this.#emit({ ...fact, data, confidence, altered: joined(fact.altered, counted.altered) }, time, place)
  }

  #emit(fact: Fact, time: Timestamp, place: Place): void {
    if (!dataFields.has(fact.type)) this.#noteOwnType(fact.type)
    if (fact.type === 'resumed' && fact.scope?.runId !== undefined) this.#runs.reopen(fact.scope.runId)
    this.#emitter.emit(fact.type, fact.data, time, place, {
      scope: fact.scope,
      confidence: fact.confidence,
      altered: fact.altered,
    })
  }

  /** A type that the catalogue does not have is recorded as it is: it may be the user's own, or a slip of the pen. */
  #noteOwnType(type: string): void {
    if (this.#ownTypes.size >= MAX_OWN_TYPES || this.#ownTypes.has(type)) return
    this.#ownTypes.add(type)
    const meant = nearestName(type, dataFields.keys())
    if (meant === undefined) return
    reportMisuse(
      `an event of the type '${type.slice(0, 64)}' was recorded, which is not in the catalogue; did you mean '${meant}'?`,
    )
  }
}

function joined(
  told: readonly Alteration[] | undefined,
  found: readonly Alteration[] | undefined,
): readonly Alteration[] | undefined {
  return told && found
    ? [...told, ...found.filter(({ field }) => told.every((one) => one.field !== field))]
    : (told ?? found)
}

/** Telemetry cannot speak for a log: what it says in the log's words is kept as its own. */
function withoutAuthority(fact: Fact): Fact {
  reportMisuse(
    `AUDIT_INVALID_EVENT: '${fact.type}' is a statement that only the log itself makes; it was recorded as a custom event`,
  )
  return { ...fact, ...unreserved(fact) } as Fact
}
