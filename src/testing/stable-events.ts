import type { AuditEvent } from '../events/types.js'

/** Fields that have the id of something, by the word for it. */
const IDS: Readonly<Record<string, string>> = {
  id: 'event',
  sessionId: 'session',
  runId: 'run',
  parentRunId: 'run',
  callId: 'call',
  traceId: 'trace',
  spanId: 'span',
  statementOf: 'log',
  parentSpanId: 'span',
}
/** An id that was made at random or put together from such ids, also as the name of a log. */
const RANDOM_ID = /^(?:spanledger\.local\/)?[0-9a-f-]{16,}$/i
/** Fields that tell when, or for how long. */
const TIMES: ReadonlySet<string> = new Set(['time', 'recordedAt', 'startedAt'])
const DURATIONS: ReadonlySet<string> = new Set(['durationMs'])

/**
 * Replaces the values that differ between executions, so that events can be compared with a stored snapshot. Random
 * ids of events, sessions, runs, calls, spans and logs become `<run 1>`, `<run 2>` … in the order in which they come;
 * equal ids stay equal. Times become `<time>`, durations 0. Ids that an application chose stay as they are.
 *
 * @returns copies; the events themselves stay as they are
 *
 * @example
 * ```ts
 * const log = await openTestLog()
 * log.record({ type: 'agent_handoff', data: { to: 'writer' }, runId: crypto.randomUUID() })
 * const [event] = stableEvents(await log.recorded())
 * console.log(event?.id, event?.runId, event?.time) // <event 1> <run 1> <time>
 * await log.close()
 * ```
 */
export function stableEvents<Event extends AuditEvent>(events: readonly Event[]): Event[] {
  const names = new Map<string, string>()
  const counts = new Map<string, number>()
  const nameOf = (kind: string, id: string): string => {
    const key = `${kind} ${id}`
    let name = names.get(key)
    if (name === undefined) {
      const count = (counts.get(kind) ?? 0) + 1
      counts.set(kind, count)
      name = `<${kind} ${count}>`
      names.set(key, name)
    }
    return name
  }
  const stable = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(stable)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([field, inner]) => [field, replaced(field, inner)]))
  }
  const replaced = (field: string, value: unknown): unknown => {
    if (TIMES.has(field)) return '<time>'
    if (DURATIONS.has(field)) return 0
    const kind = IDS[field]
    return kind !== undefined && typeof value === 'string' && RANDOM_ID.test(value)
      ? nameOf(kind, value)
      : stable(value)
  }
  return events.map((event) => stable(event) as Event)
}
