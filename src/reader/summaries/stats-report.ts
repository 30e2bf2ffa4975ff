import type { AgentRef, TokenUsage } from '../../events/types.js'

/** Durations in milliseconds, as the events report them. */
export interface Durations {
  /** Number of those that reported a duration. */
  readonly count: number
  /** The shortest. */
  readonly minMs: number
  /** The arithmetic mean. */
  readonly meanMs: number
  /** The median, within 1 % of the exact one (nearest rank). */
  readonly p50Ms: number
  /** The 95th percentile, within 1 % of the exact one (nearest rank). */
  readonly p95Ms: number
  /** The longest. */
  readonly maxMs: number
}

/** Sums over events; a run that starts and ends in different windows counts in each. */
export interface StatsTotals {
  /** Sum of the token reports (`token_usage_updated`), each counted once. */
  readonly usage: TokenUsage
  /** Number of token reports: model calls that said what they consumed. */
  readonly modelCalls: number
  readonly runs: {
    readonly started: number
    readonly completed: number
    readonly failed: number
    readonly cancelled: number
    readonly suspended: number
    readonly interrupted: number
  }
  /** Tool calls that ended. */
  readonly toolCalls: { readonly completed: number; readonly failed: number }
  /** Number of `error_occurred`. */
  readonly errors: number
  /** Durations of the runs that ended; absent when none reported one. */
  readonly runDurations?: Durations
  /** Durations of the tool calls that ended; absent when none reported one. */
  readonly toolDurations?: Durations
}

/** The sums of one agent, model or day. */
export interface StatsGroup extends StatsTotals {
  /**
   * The agent's id or, where it has none, its name; the model; the day of the events' `time` in UTC, such as
   * `2026-11-21`. What is no model's own counts for the first that its run names. Absent: the events name none.
   */
  readonly key?: string
  /** The agent as first named. */
  readonly agent?: AgentRef
}

/** Statistics over the events that match a query. */
export interface StatsReport {
  readonly total: StatsTotals
  /** Days in their order; agents and models with the most tokens first. Empty without `groupBy`. */
  readonly groups: readonly StatsGroup[]
  /** The sums of all groups beyond the first {@link MAX_GROUPS}, taken together. */
  readonly others?: StatsTotals
}

/** The maximum number of groups in a report. */
export const MAX_GROUPS = 1000
