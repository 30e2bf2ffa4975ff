import type { RunStatus } from '../../events/run-status.js'
import type { AuditEventType } from '../../events/types.js'
import type { ContentChoice } from '../content/choice.js'

/** RFC 3339 with any offset and up to nine fraction digits, a `Date`, or milliseconds since the Unix epoch. */
export type TimeInput = string | Date | number

/** The order of results; ascending is the order in which they were appended. Descending: the newest first. */
export type Order = 'asc' | 'desc'

/** The events to read. All fields are optional, and all that are given must hold. */
export interface EventQuery<T extends string = AuditEventType> {
  /** Those of this tenant. By default all tenants. */
  readonly tenantId?: string
  /** Without `tenantId`, the sessions of this id of all tenants. */
  readonly sessionId?: string
  /** Without `tenantId`, the runs of this id of all tenants. */
  readonly runId?: string
  /** Id or name of the agent whose event it is. */
  readonly agent?: string
  /** Id of the actor whose event it is; also where the entry has a pseudonym for it, as far as this reader has the keys. */
  readonly actorId?: string
  /** Name of the tool that the event is about: of calls and approvals of tools. */
  readonly tool?: string
  /** One type, or several of which any will do. */
  readonly type?: T | readonly T[]
  /** Events whose `time` is this or later. */
  readonly since?: TimeInput
  /** Events whose `time` is before this. */
  readonly until?: TimeInput
  /** Events whose `seq` is greater, in either order: the way to go on, ascending, after the last event seen; -1 for all. */
  readonly afterSeq?: number
  /** Events whose `seq` is smaller, in either order: the way to go on, descending, after the last event seen. */
  readonly beforeSeq?: number
  /** The oldest (`asc`) or the newest (`desc`) first, by seq. @defaultValue `'asc'` */
  readonly order?: Order
  /** The most events to return, counted after filtering; at least 1. By default all. */
  readonly limit?: number
  /**
   * Content to put back into the events, as far as it can be read: `diagnostics` are error messages, stack traces and reasons. It stands in
   * the fields from which it was taken, such as `data.error.message`, and takes the place of an actor's pseudonym. What cannot be read is left
   * out. Each item of the event's `content.items` that is asked for has a `status`, which says why.
   *
   * @defaultValue `none`: events as their entries have them
   */
  readonly content?: ContentChoice
}

/** The events to follow: the filters of {@link EventQuery}. */
export type FollowQuery<T extends string = AuditEventType> = Pick<
  EventQuery<T>,
  'tenantId' | 'sessionId' | 'runId' | 'agent' | 'actorId' | 'tool' | 'type' | 'since' | 'content'
>

/** The runs to list. All fields are optional, and all that are given must hold. */
export interface RunQuery {
  /** Those of this tenant. By default all tenants. */
  readonly tenantId?: string
  /** The session that the run's summary names. */
  readonly sessionId?: string
  /** Id or name of the agent that the run's summary names. */
  readonly agent?: string
  /** Id of the actor that the run's summary names; also behind a pseudonym, as in `EventQuery`. */
  readonly actorId?: string
  /** One status, or several of which any will do. */
  readonly status?: RunStatus | readonly RunStatus[]
  /** Runs that started at this time or later. */
  readonly since?: TimeInput
  /** Runs that started before this time. */
  readonly until?: TimeInput
  /** Runs whose own usage, sub-runs apart, has this many tokens or more. */
  readonly minTotalTokens?: number
  /** Runs whose own usage, sub-runs apart, is known to have cost this much or more. */
  readonly minCostUsd?: number
  /** Runs that are over and took this long or longer. */
  readonly minDurationMs?: number
  /** Those that began first (`asc`) or last (`desc`) come first. @defaultValue `'asc'` */
  readonly order?: Order
  /** The most runs to return, counted after filtering; at least 1. By default all. */
  readonly limit?: number
}

/** The tenant of a run, where several have one of its id. */
export interface RunRef {
  readonly tenantId?: string
}

/** The steps of a run to read, and their order. All fields are optional. */
export interface StepQuery {
  /** The oldest (`asc`) or the newest (`desc`) first. @defaultValue `'asc'` */
  readonly order?: Order
  /** The most steps to return; at least 1. By default all. */
  readonly limit?: number
}

/** The sessions to list. All fields are optional, and all that are given must hold. */
export interface SessionQuery {
  /** Those of this tenant. By default all tenants. */
  readonly tenantId?: string
  /** Sessions whose last event is of this time or later. */
  readonly since?: TimeInput
  /** Sessions whose first event is of a time before this. */
  readonly until?: TimeInput
  /** Those that began first (`asc`) or last (`desc`) come first. @defaultValue `'asc'` */
  readonly order?: Order
  /** The most sessions to return, counted after filtering; at least 1. By default all. */
  readonly limit?: number
}

/** The agents to list. All fields are optional, and all that are given must hold. */
export interface AgentQuery {
  /** Agents that acted for this tenant; only what they did for it is summed up. */
  readonly tenantId?: string
  /** Agents whose last event is of this time or later. */
  readonly since?: TimeInput
  /** Agents whose first event is of a time before this. */
  readonly until?: TimeInput
  /** Those that began first (`asc`) or last (`desc`) come first. @defaultValue `'asc'` */
  readonly order?: Order
  /** The most agents to return, counted after filtering; at least 1. By default all. */
  readonly limit?: number
}

/** The grouping of statistics. A day is one of UTC. */
export type StatsGrouping = 'agent' | 'model' | 'day'

/** The events to sum up. All fields are optional, and all that are given must hold. */
export interface StatsQuery {
  /** Those of this tenant. By default all tenants. */
  readonly tenantId?: string
  /** Without `tenantId`, the sessions of this id of all tenants. */
  readonly sessionId?: string
  /** Without `tenantId`, the runs of this id of all tenants. */
  readonly runId?: string
  /** Id or name of the agent whose events they are. */
  readonly agent?: string
  /** Id of the actor whose events they are; also behind a pseudonym, as in `EventQuery`. */
  readonly actorId?: string
  /** Name of the tool that the events are about: of calls and approvals of tools, so that nothing else is summed up. */
  readonly tool?: string
  /** Events whose `time` is this or later. */
  readonly since?: TimeInput
  /** Events whose `time` is before this. */
  readonly until?: TimeInput
  /** Without it there is the total only. */
  readonly groupBy?: StatsGrouping
}
