import type { FiledEntry } from './filed-event.js'

const BEGINNINGS: ReadonlySet<string> = new Set(['run_started', 'resumed'])
const ENDS: ReadonlySet<string> = new Set([
  'run_completed',
  'run_failed',
  'run_cancelled',
  'run_suspended',
  'run_interrupted',
])

/** The state in which a group leaves one run of a tenant. */
export interface OpenRunChange {
  readonly tenantId: string
  readonly runId: string
  /** Position of the event that began the run last; `undefined` when the run has ended. */
  readonly seq: number | undefined
}

/** Returns what an event of a type does to its run; `undefined` for most. */
export function runChangeOf(type: string): 'begins' | 'ends' | undefined {
  if (BEGINNINGS.has(type)) return 'begins'
  return ENDS.has(type) ? 'ends' : undefined
}

/**
 * Returns the runs that a group, stored from `firstSeq` on, begins or ends: each once, as it is after the group. A run that is
 * identified goes on as that of its tenant.
 */
export function openRunChanges(
  entries: readonly (FiledEntry | undefined)[],
  firstSeq: number,
): readonly OpenRunChange[] {
  const changes = new Map<string, OpenRunChange>()
  for (let at = 0; at < entries.length; at++) {
    const entry = entries[at]
    if (!entry) continue
    const { type, runId, tenantId, run } = entry.event
    if (runId === undefined) continue
    const change = runChangeOf(type)
    if (change !== undefined) {
      const seq = change === 'begins' ? firstSeq + at : undefined
      changes.set(openRunId(tenantId, runId), { tenantId, runId, seq })
    } else if (run?.identifiedFrom !== undefined) {
      const from = run.identifiedFrom
      changes.set(openRunId(from, runId), { tenantId: from, runId, seq: undefined })
      changes.set(openRunId(tenantId, runId), { tenantId, runId, seq: firstSeq + at })
    }
  }
  return [...changes.values()]
}

/** Tells one run of one tenant from every other. */
export function openRunId(tenantId: string, runId: string): string {
  return `${tenantId.length} ${tenantId}${runId}`
}
