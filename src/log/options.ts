import { rejectUnknownOptions, wholeNumberOption } from '../events/options.js'
import { type DataSchema, EventSchemas } from '../events/validate.js'
import type { AuditStore } from '../store/contract.js'
import { type Clock, systemClock } from './clock.js'
import { MAX_ENTRY_BYTES } from './plain.js'

/** @see AuditLogOptions.maxQueueBytes */
export const DEFAULT_MAX_QUEUE_BYTES = 64 * 1024 * 1024

/** Options of `openAuditLog`. */
export interface AuditLogOptions {
  /** Where the log is kept, instead of a directory. The log opens it, and closes it with itself. */
  readonly store?: AuditStore
  /**
   * Event types of your own, each with the schema of its `data`: any Standard Schema v1 validator that answers
   * synchronously. `append()` checks by it. Declare the type too, see `AuditEventTypes`.
   */
  readonly eventTypes?: Readonly<Record<string, DataSchema>>
  /**
   * Entry bytes that may wait for the store; past it `record()` drops events, which are counted and reported, and
   * `append()` rejects. 65,535 to 2^40. In memory an entry takes about three times its bytes.
   *
   * @defaultValue 67,108,864 (64 MiB)
   */
  readonly maxQueueBytes?: number
  /**
   * Tells `recordedAt`: `[seconds, nanoseconds]` since the Unix epoch. A clock that jumps back does not disorder the
   * log: until it has caught up, events get the last time again.
   *
   * @defaultValue the system clock
   */
  readonly clock?: Clock
  /**
   * Told when the store begins to fail and when events begin to be dropped: once an episode, not once an event.
   * What it throws is ignored.
   *
   * @defaultValue `process.emitWarning`
   */
  readonly onProblem?: (problem: Error) => void
}

export interface ResolvedAuditLogOptions {
  readonly schemas: EventSchemas
  readonly ownTypes: readonly string[]
  readonly maxQueueBytes: number
  readonly clock: Clock
  readonly onProblem: (problem: Error) => void
}

const KNOWN: Record<keyof AuditLogOptions, true> = {
  store: true,
  eventTypes: true,
  maxQueueBytes: true,
  clock: true,
  onProblem: true,
}
const OF = 'openAuditLog'

/** @throws TypeError naming the option. */
export function resolveOptions(options: AuditLogOptions): ResolvedAuditLogOptions {
  rejectUnknownOptions(OF, options, Object.keys(KNOWN))
  const { store, eventTypes = {}, clock = systemClock(), onProblem = emitWarning } = options
  if (store !== undefined && typeof store?.commit !== 'function') throw new TypeError(`${OF}: store is no audit store`)
  if (typeof eventTypes !== 'object' || eventTypes === null) throw new TypeError(`${OF}: eventTypes must be an object`)
  if (typeof clock !== 'function') throw new TypeError(`${OF}: clock must be a function`)
  if (typeof onProblem !== 'function') throw new TypeError(`${OF}: onProblem must be a function`)
  return Object.freeze({
    schemas: new EventSchemas(eventTypes),
    ownTypes: Object.freeze(Object.keys(eventTypes)),
    maxQueueBytes: wholeNumberOption(OF, 'maxQueueBytes', options.maxQueueBytes, {
      fallback: DEFAULT_MAX_QUEUE_BYTES,
      min: MAX_ENTRY_BYTES,
      max: 2 ** 40,
    }),
    clock,
    onProblem,
  })
}

function emitWarning(problem: Error): void {
  process.emitWarning(problem)
}
