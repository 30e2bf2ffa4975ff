import type { RowState } from './row-state.js'
import type { RunOverview } from './run-overview.js'

/** Identifies a run: two tenants may use the same run id. */
export interface RunKey {
  readonly tenantId: string
  readonly runId: string
}

/** The derived row of one run. */
export interface RunRow {
  readonly overview: RunOverview
  /** By type of the events that begin, resume or end a run: the position of the first one of the run. */
  readonly firstSeqs: ReadonlyMap<string, number>
  /** The sum that the overview is made of. */
  readonly state: RowState
}
