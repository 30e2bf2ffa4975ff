import type { AuditEventType, StoredEvent } from '../events/types.js'
import type { RunOverview } from '../store/runs/run-overview.js'
import { resolvedEntries, restoredOf } from './content/restored-events.js'
import { restoredRuns } from './content/restored-runs.js'
import { restorerOf } from './content/restorers.js'
import type { AcrossLogs, AuditLogReader, FoundEvent, LedgerEventQuery } from './contract.js'
import { type ListedAgent, listAgentsOf } from './ledger/agents.js'
import { EventFinder } from './ledger/event-finder.js'
import { inLog, type SiblingLog } from './ledger/moment.js'
import { ALL_LOGS, type LedgerListing, walksOf } from './ledger/results.js'
import { type LedgerStep, listRunsOf, stepsOf } from './ledger/runs.js'
import { listSessionsOf } from './ledger/sessions.js'
import type { LogEntry } from './log-entry.js'
import { timeOfEntry } from './query/entry-time.js'
import { eventOfEntry } from './query/event-of-entry.js'
import { parseAgentQuery, parseRunQuery, parseRunRef, parseSessionQuery, parseStepQuery } from './query/parse-query.js'
import { planOf } from './query/plan-of-query.js'
import type { AgentQuery, RunQuery, RunRef, SessionQuery, StepQuery } from './query/query.js'
import { readEntries, readPlanned } from './query/read-events.js'
import type { RunStep } from './steps/run-step.js'
import type { AgentSummary } from './summaries/agents.js'
import type { ListedRun } from './summaries/list-runs.js'
import type { SessionSummary } from './summaries/sessions.js'

/** A log of a ledger, and the reader that answers from it alone. */
export interface OpenLog extends SiblingLog {
  readonly reader: AuditLogReader
}

/** The steps of a run that are asked for. */
interface AskedSteps {
  readonly runId: string
  readonly ref: RunRef
  readonly query: StepQuery
}

/** The lists in which a ledger's reader answers queries. All methods throw `AUDIT_QUERY_INVALID`. */
export class LedgerListings {
  readonly #finder: EventFinder<OpenLog>

  /** @param knownTypes - the types that may be asked for before a log has any event of them */
  constructor(knownTypes: ReadonlySet<string>) {
    this.#finder = new EventFinder(knownTypes)
  }

  events<T extends string = AuditEventType>(
    query: LedgerEventQuery<T>,
  ): LedgerListing<StoredEvent, FoundEvent<T>, OpenLog> {
    return this.#finder.listing(query, {
      single: ({ reader }) => reader.events(query),
      read: ({ store }, { content, ...parsed }, span) =>
        restoredOf(store, content, readPlanned(store, planOf(parsed), span)),
      time: ({ time }) => time,
      // The filter lets through no other types than those that T names.
      result: (event, log) => (log === undefined ? event : inLog(event, log)) as FoundEvent<T>,
    })
  }

  entries(query: LedgerEventQuery<string>): LedgerListing<LogEntry, LogEntry, OpenLog> {
    return this.#finder.listing(query, {
      single: ({ reader }) => reader.entries(query),
      read: ({ store }, { content, ...parsed }, span) =>
        resolvedEntries(restorerOf(store), content, readEntries(store, planOf(parsed), span)),
      time: ({ seq, bytes }) => timeOfEntry(bytes) ?? eventOfEntry(seq, bytes).time,
      result: (entry, log) => (log === undefined ? entry : { log, ...entry }),
    })
  }

  runs(query: RunQuery): LedgerListing<ListedRun, RunOverview & AcrossLogs, OpenLog> {
    const parsed = parseRunQuery(query)
    return {
      kind: 'runs',
      query: parsed,
      single: ({ reader }) => reader.runs(query),
      walks: async (moment) =>
        walksOf(moment, (part) => {
          const list = listRunsOf(moment, parsed, part)
          return (span) => restoredRuns(part.store, list(span))
        }),
      position: ({ position }) => position,
      time: ({ time }) => time,
      result: ({ run }) => run,
    }
  }

  steps({ runId, ref, query }: AskedSteps): LedgerListing<LedgerStep, RunStep, OpenLog> {
    const parsed = parseStepQuery(parseRunRef(runId, ref), query)
    return {
      kind: 'steps',
      query: parsed,
      single: ({ reader }) => reader.run(runId, ref).steps(query),
      walks: async (moment) => {
        const found = await stepsOf(moment, parsed)
        return found ? [{ log: found.log ?? ALL_LOGS, size: found.size, read: (span) => found.read(span) }] : []
      },
      position: ({ position }) => position,
      time: () => '',
      result: ({ step }) => step,
    }
  }

  sessions(query: SessionQuery): LedgerListing<SessionSummary & AcrossLogs, SessionSummary & AcrossLogs, OpenLog> {
    const parsed = parseSessionQuery(query)
    return {
      kind: 'sessions',
      query: parsed,
      single: ({ reader }) => reader.sessions(query),
      walks: async (moment) => walksOf(moment, (part) => listSessionsOf(moment, parsed, part)),
      position: ({ firstSeq }) => firstSeq,
      time: ({ firstEventAt }) => firstEventAt,
      result: (session) => session,
    }
  }

  agents(query: AgentQuery): LedgerListing<ListedAgent, AgentSummary & AcrossLogs, OpenLog> {
    const parsed = parseAgentQuery(query)
    return {
      kind: 'agents',
      query: parsed,
      single: ({ reader }) => reader.agents(query),
      walks: async (moment) => [{ log: ALL_LOGS, size: Infinity, read: (span) => listAgentsOf(moment, parsed, span) }],
      position: ({ position }) => position,
      time: ({ agent }) => agent.firstEventAt,
      result: ({ agent }) => agent,
    }
  }
}
