/**
 * The status of a run, by its latest start, resumption or end. A `suspended` run waits for something and may be resumed;
 * an `interrupted` one has no end of its own: its process died, or its span never ended.
 */
export type RunStatus = 'running' | 'completed' | 'failed' | 'cancelled' | 'suspended' | 'interrupted'

/** The events that begin, resume or end a run, and the status each leaves it in. */
const STATUS_AFTER = {
  run_started: 'running',
  resumed: 'running',
  run_completed: 'completed',
  run_failed: 'failed',
  run_cancelled: 'cancelled',
  run_suspended: 'suspended',
  run_interrupted: 'interrupted',
} as const satisfies Record<string, RunStatus>

/** Types of the events that begin, resume or end a run. */
export const LIFECYCLE_TYPES: readonly string[] = Object.keys(STATUS_AFTER)

export const RUN_STATUSES: readonly RunStatus[] = [...new Set(Object.values(STATUS_AFTER))]

/** The status that an event of this type leaves its run in; `undefined` when it changes none. */
export function statusAfter(type: string): RunStatus | undefined {
  return Object.hasOwn(STATUS_AFTER, type) ? STATUS_AFTER[type as keyof typeof STATUS_AFTER] : undefined
}

/** Types of the events of which a run of one of these statuses has at least one. */
export function typesLeadingTo(statuses: readonly RunStatus[]): readonly string[] {
  return LIFECYCLE_TYPES.filter((type) => statuses.includes(STATUS_AFTER[type as keyof typeof STATUS_AFTER]))
}
