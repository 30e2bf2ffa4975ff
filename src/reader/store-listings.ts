import type { AuditEventType, StoredEvent } from '../events/types.js'
import type { ReadableStore } from '../store/readable.js'
import type { RunOverview } from '../store/runs/run-overview.js'
import { resolvedEntries, restored } from './content/restored-events.js'
import { restoredRuns } from './content/restored-runs.js'
import type { Restorer } from './content/restorers.js'
import type { FoundEvent } from './contract.js'
import type { LogEntry } from './log-entry.js'
import { assertKnownTypes } from './query/known-types.js'
import {
  type ParsedEventQuery,
  type ParsedStepQuery,
  parseAgentQuery,
  parseEventQuery,
  parseFollowQuery,
  parseRunQuery,
  parseSessionQuery,
} from './query/parse-query.js'
import type { Plan } from './query/plan.js'
import { planOf } from './query/plan-of-query.js'
import type { AgentQuery, EventQuery, FollowQuery, RunQuery, SessionQuery } from './query/query.js'
import { countPlanned, readEntries, readPlanned } from './query/read-events.js'
import { readIdentified } from './query/read-identified.js'
import type { Listing, Span } from './query/results.js'
import { readSteps } from './steps/read-steps.js'
import type { RunStep } from './steps/run-step.js'
import { type AgentSummary, listAgents } from './summaries/agents.js'
import { type ListedRun, listRuns } from './summaries/list-runs.js'
import { listSessions, type SessionSummary } from './summaries/sessions.js'

/** A part of the events that are followed: what lies behind a position. */
type FollowedSpan = Span & { readonly after: number }

/** The lists in which a store's reader answers queries. All methods but `steps` throw `AUDIT_QUERY_INVALID`. */
export class StoreListings {
  readonly #store: ReadableStore
  readonly #knownTypes: ReadonlySet<string>
  readonly #content: Restorer

  /**
   * @param knownTypes - the types that may be asked for before the log has any event of them
   * @param content - puts content back into events
   */
  constructor(store: ReadableStore, knownTypes: ReadonlySet<string>, content: Restorer) {
    this.#store = store
    this.#knownTypes = knownTypes
    this.#content = content
  }

  events<T extends string = AuditEventType>(query: EventQuery<T>): Listing<StoredEvent, FoundEvent<T>> {
    const { content, ...parsed } = parseEventQuery(query)
    const plan = planOf(parsed)
    return {
      kind: 'events',
      query: parsed,
      read: (span) =>
        restored(this.#content, content, this.#ofKnownTypes(parsed, span, readPlanned(this.#store, plan, span))),
      count: (size) => this.#count(parsed, plan, size),
      position: seqOf,
      // The filter lets through no other types than those that T names.
      result: (event) => event as FoundEvent<T>,
    }
  }

  /** Entries are found as their events are, so that a cursor goes on with either. */
  entries(query: EventQuery<string>): Listing<LogEntry, LogEntry> {
    const { content, ...parsed } = parseEventQuery(query)
    const plan = planOf(parsed)
    return {
      kind: 'events',
      query: parsed,
      read: (span) => {
        const entries = this.#ofKnownTypes(parsed, span, readEntries(this.#store, plan, span))
        return resolvedEntries(this.#content, content, entries)
      },
      count: (size) => this.#count(parsed, plan, size),
      position: seqOf,
      result: itself,
    }
  }

  /**
   * Returns a function that reads the events which have come since a position. The earlier events of runs that were identified only
   * now, as those of a tenant or a session, come first.
   */
  followed(query: FollowQuery<string>): (span: FollowedSpan) => AsyncIterable<readonly StoredEvent[]> {
    const { content, ...parsed } = parseFollowQuery(query)
    const plan = planOf(parsed)
    const store = this.#store
    const restorer = this.#content
    const events = (span: Span) => this.#ofKnownTypes(parsed, span, readPlanned(store, plan, span))
    return async function* (span) {
      yield* restored(restorer, content, readIdentified(store, plan, span))
      yield* restored(restorer, content, events(span))
    }
  }

  runs(query: RunQuery): Listing<ListedRun, RunOverview> {
    const parsed = parseRunQuery(query)
    return {
      kind: 'runs',
      query: parsed,
      read: (span) => restoredRuns(this.#store, listRuns(this.#store, parsed, span)),
      position: ({ position }) => position,
      result: ({ run }) => run,
    }
  }

  steps(query: ParsedStepQuery): Listing<RunStep, RunStep> {
    const read = (span: Span) => readSteps(this.#store, query, span)
    return { kind: 'steps', query, read, position: seqOf, result: itself }
  }

  sessions(query: SessionQuery): Listing<SessionSummary, SessionSummary> {
    const parsed = parseSessionQuery(query)
    const read = (span: Span) => listSessions(this.#store, parsed, span)
    return { kind: 'sessions', query: parsed, read, position: firstSeqOf, result: itself }
  }

  agents(query: AgentQuery): Listing<AgentSummary, AgentSummary> {
    const parsed = parseAgentQuery(query)
    const read = (span: Span) => listAgents(this.#store, parsed, span)
    return { kind: 'agents', query: parsed, read, position: firstSeqOf, result: itself }
  }

  async #count(query: ParsedEventQuery, plan: Plan, size: number): Promise<number> {
    await this.#assertKnown(query, size)
    return await countPlanned(this.#store, plan, size)
  }

  /** Returns what a query finds, once its types are known. */
  #ofKnownTypes<T>(query: ParsedEventQuery, { size }: Span, found: AsyncIterable<T>): AsyncIterable<T> {
    if (!query.type) return found
    const assertKnown = () => this.#assertKnown(query, size)
    return (async function* () {
      await assertKnown()
      yield* found
    })()
  }

  /** A type is known when the catalogue or the log's owner defines it, or when a newer version has written one. */
  async #assertKnown({ type }: ParsedEventQuery, size: number): Promise<void> {
    if (type) await assertKnownTypes(type, this.#knownTypes, [{ store: this.#store, size }])
  }
}

function seqOf({ seq }: { readonly seq: number }): number {
  return seq
}

function firstSeqOf({ firstSeq }: { readonly firstSeq: number }): number {
  return firstSeq
}

function itself<T>(item: T): T {
  return item
}
