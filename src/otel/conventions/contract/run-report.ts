import type { AgentRef } from '../../../events/index.js'
import type { LoggedRunRef } from './activity.js'
import type { Conclusion, UsageReport } from './conclusion.js'
import type { Fact, ScopeIds } from './fact.js'
import type { ToolCallReport } from './tool-call.js'

/*
 * Reports of log records, and of spans beside them. Agents on a command line report their runs in log records, which name runs
 * and calls by ids of the agent's own, in any order.
 */

/** The progress of a run, as a log record reports it. */
export interface RunProgress {
  /** `answered`: unless more follows, the run has come to its end. */
  readonly status: 'working' | 'answered' | 'failed' | 'cancelled'
  /** The model call this is about. One that has asked for tools has not given the last answer. */
  readonly request?: string | undefined
  readonly error?: Conclusion['error']
  readonly reason?: string | undefined
}

/** The start of a run, as a log record reports it. */
export interface RunStartReport {
  readonly runId: string
  readonly trigger?: string | undefined
  /** Distinguishes the starts under one key; a record that is delivered twice has the same. */
  readonly mark: string
  /** The keys may come again for another run. */
  readonly isNewRun?: boolean | undefined
  /** The run is a sub-agent of the one with these keys. */
  readonly parentKeys?: readonly string[] | undefined
}

/**
 * The report of a log record on a run; the record names the run by the agent's own ids of a session, a prompt or a
 * span.
 */
export interface RunReport extends LoggedRunRef {
  readonly agent: AgentRef
  /** Set where the record is the start of the run. */
  readonly begins?: RunStartReport | undefined
  readonly ends?: Conclusion | undefined
  readonly progress?: RunProgress | undefined
  readonly call?: ToolCallReport | undefined
  readonly usage?: UsageReport | undefined
  readonly facts?: readonly Fact[] | undefined
  /** The tenant and the user, beside the session. */
  readonly scope?: ScopeIds | undefined
  /** Orders records of one time. */
  readonly sequence?: number | undefined
}
