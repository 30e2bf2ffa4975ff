import { rejectUnknownOptions, requireOneOf, wholeNumberOption } from '../events/options.js'
import { type DataSchema, EventSchemas } from '../events/validate.js'
import type { GovernanceOptions } from '../governance/governance-options.js'
import { GOVERNANCE, type OpenGovernance, type WithGovernance } from '../governance/open-governor.js'
import type { AuditStore } from '../store/contract.js'
import type { AuditLogListeners } from './audit-log-events.js'
import {
  CHECKPOINT_OPTIONS,
  type CheckpointOptions,
  type ResolvedCheckpointOptions,
  resolveCheckpointOptions,
} from './checkpoints/options.js'
import type { AuditLogMeter } from './committing/metrics.js'
import { DURABILITIES, type Durability, journalWindowOption } from './journal/durability.js'
import type { JournalDamagePolicy } from './journal/journal-gaps.js'
import { type JournalKey, journalKeyFrom } from './journal/journal-key.js'
import { checkedListeners, LogEmitter } from './log-emitter.js'
import { type Clock, systemClock } from './sealing/clock.js'
import { MAX_ENTRY_BYTES } from './sealing/plain.js'

/** @see AuditLogOptions.maxQueueBytes */
export const DEFAULT_MAX_QUEUE_BYTES: Readonly<Record<Durability, number>> = Object.freeze({
  journal: 16 * 1024 * 1024,
  'journal-behind': 16 * 1024 * 1024,
  'flush-only': 64 * 1024 * 1024,
})

/** Options of `openAuditLog`. */
export interface AuditLogOptions extends CheckpointOptions, GovernanceOptions {
  /** The store that keeps the log, instead of a directory. The log opens it, and closes it with itself. */
  readonly store?: AuditStore
  /**
   * The directory is a ledger, which several processes and threads write at the same time, each a log of its own: opening
   * takes a free one, and recovers others whose writers died in the background, also while it is open. One key stands for all: what is given as
   * `signer` or `signingKey` signs each log under the name of that log. `externalCheckpointFile` is that of log 0, and gets the number of
   * another log at its end (`.1`). A `knownCheckpoint` of another log of the ledger is left out. A log that cannot be
   * opened is reported as a problem, and another one is taken. See {@link AuditLog.ledger}.
   *
   * @defaultValue `false`: the one log in the directory itself, which one writer can have
   */
  readonly shared?: boolean
  /**
   * Event types of your own, each with the schema of its `data`: any Standard Schema v1 validator that answers
   * synchronously. `append()` checks by it. Declare the type too, see `AuditEventTypes`.
   */
  readonly eventTypes?: Readonly<Record<string, DataSchema>>
  /**
   * - `journal`: when `record()` returns, the event outlives the process. One write to a file, some microseconds.
   * - `journal-behind`: a thread writes the journal, for volumes whose writes are slow. When the process is killed by a signal, aborts or
   *   runs out of memory, the newest events are lost, `journalWindowBytes` at most and the record that was half written. When it exits, also by an uncaught exception,
   *   nothing is lost.
   * - `flush-only`: when the process dies, events that are not committed are lost, some milliseconds' worth.
   *
   * In each case it takes `flush()` or `append()` for an event to outlive loss of power. A log in a store of your own has
   * no journal.
   *
   * @defaultValue `journal`; `flush-only` with a `store`
   */
  readonly durability?: Durability
  /**
   * The most bytes of the journal that wait for its thread, with `durability: 'journal-behind'`: so much is lost at most when the process is
   * killed. `record()` waits when the window is full; `counters().journalWindow` counts that. 131,072 to 16,777,216.
   *
   * @defaultValue 1,048,576 (1 MiB)
   */
  readonly journalWindowBytes?: number
  /**
   * The reaction to a damaged journal: one that cannot be read, lacks a file, or has a record that the `journalKey`
   * does not attest. `refuse` makes opening fail with `AUDIT_LOG_CORRUPT`. `discard` drops what cannot be read or
   * trusted and copies the files to `journal/aside`; it records the gap as `events_dropped`, reason `journal_damaged`
   * or `journal_unattested`. A record that a process was writing when it died is no damage.
   *
   * @defaultValue `refuse`
   */
  readonly damagedJournal?: JournalDamagePolicy
  /**
   * A secret of 32 random bytes or more, which attests the records of the journal: as bytes, or as a text in base64 or
   * hexadecimal. Keep it outside of the log's directory, in a secret store. With it, what is taken over after a crash is
   * known to be what this log wrote: a record that somebody else put there is damage, see `damagedJournal`. Without it
   * everything is taken over, and counted as attested by nothing (`events_recovered`). Give another key only after the
   * log was closed in order.
   *
   * @defaultValue the environment variable `SPANLEDGER_JOURNAL_KEY`, if it is set
   */
  readonly journalKey?: Uint8Array | string
  /**
   * Readers of the files of the log. `owner`: a new log is for the user of the process alone, its directories 0700 and its
   * files 0600, whatever the umask. `group`: they are 0750 and 0640, also those that are there already and those that
   * LevelDB makes; keys stay 0700 and 0600. Whatever it says, the mode, the group and the setgid bit of a directory that is
   * there are kept.
   *
   * @defaultValue `owner`
   */
  readonly readableBy?: 'owner' | 'group'
  /** An OpenTelemetry `Meter` that gets the log's metrics, see {@link LogMetrics}. */
  readonly meter?: AuditLogMeter
  /**
   * Entry bytes that may wait in memory for the store; past half of it, entries wait in the journal alone. Without a
   * journal, or while that cannot be written, all of it is used: past it `record()` drops events, which are counted and
   * reported, and `append()` rejects. 65,535 to 2^40. In memory an entry takes about three times its bytes.
   *
   * @defaultValue 16,777,216 (16 MiB); without a journal 67,108,864 (64 MiB)
   */
  readonly maxQueueBytes?: number
  /**
   * Tells `recordedAt`: `[seconds, nanoseconds]` since the Unix epoch, also where it goes back; the order of a log is that
   * of its positions. When it moves by more than a second against the monotonic clock, the log records `clock_stepped`.
   *
   * @defaultValue the system clock
   */
  readonly clock?: Clock
  /**
   * Listeners of the log from the beginning, also while it is opened: an object with a function for each event of
   * {@link AuditLogEvents} that is of interest. {@link AuditLog.on} adds more once it is open. What a listener throws or
   * rejects with is ignored.
   *
   * @defaultValue none: a `problem` goes to `process.emitWarning`
   * @example
   * ```ts
   * const log = await openAuditLog('./audit', {
   *   on: {
   *     problem: (problem) => logger.error(problem),
   *     dropped: ({ reason }) => alerts.raise(`audit events are lost: ${reason}`),
   *   },
   * })
   * ```
   */
  readonly on?: AuditLogListeners
}

export interface ResolvedAuditLogOptions extends ResolvedCheckpointOptions {
  readonly schemas: EventSchemas
  readonly shared: boolean
  readonly ownTypes: readonly string[]
  readonly durability: Durability
  readonly journalWindowBytes: number
  readonly damagedJournal: JournalDamagePolicy
  readonly journalKey: JournalKey | undefined
  readonly meter: AuditLogMeter | undefined
  readonly maxQueueBytes: number
  readonly clock: Clock
  readonly readableBy: 'owner' | 'group'
  readonly emitter: LogEmitter
  readonly governance: GovernanceOptions
  /** Governs already what was staged for the log. */
  readonly openGovernance: OpenGovernance | undefined
}

const KNOWN: Record<keyof AuditLogOptions, true> = {
  ...CHECKPOINT_OPTIONS,
  store: true,
  shared: true,
  eventTypes: true,
  durability: true,
  journalWindowBytes: true,
  damagedJournal: true,
  journalKey: true,
  readableBy: true,
  meter: true,
  policy: true,
  redactors: true,
  contentKeys: true,
  maxQueueBytes: true,
  clock: true,
  on: true,
}
/** The present names of options that were renamed. */
const FORMER = {
  onProblem: 'on.problem',
  onCheckpoint: 'publishCheckpoint',
  onDivergence: 'divergence',
  onDamagedJournal: 'damagedJournal',
}
const OF = 'openAuditLog'

/** @throws TypeError naming the option. */
export function resolveOptions(options: AuditLogOptions): ResolvedAuditLogOptions {
  rejectUnknownOptions(OF, options, Object.keys(KNOWN), FORMER)
  const { store, shared = false, eventTypes = {}, clock = systemClock(), on = {} } = options
  if (store !== undefined && typeof store?.commit !== 'function') throw new TypeError(`${OF}: store is no audit store`)
  if (typeof shared !== 'boolean') throw new TypeError(`${OF}: shared must be true or false`)
  if (store && shared) throw new TypeError(`${OF}: a log in a store is not shared: give a directory`)
  if (typeof eventTypes !== 'object' || eventTypes === null) throw new TypeError(`${OF}: eventTypes must be an object`)
  if (typeof clock !== 'function') throw new TypeError(`${OF}: clock must be a function`)
  const {
    durability = store ? 'flush-only' : 'journal',
    damagedJournal = 'refuse',
    meter,
    readableBy = 'owner',
  } = options
  requireOneOf(OF, 'durability', durability, DURABILITIES)
  requireOneOf(OF, 'damagedJournal', damagedJournal, ['refuse', 'discard'])
  requireOneOf(OF, 'readableBy', readableBy, ['owner', 'group'])
  if (store && options.readableBy !== undefined)
    throw new TypeError(`${OF}: a log in a store has no files: readableBy is for a directory`)
  if (store && (durability !== 'flush-only' || [options.damagedJournal, options.journalKey].some(isGiven))) {
    throw new TypeError(`${OF}: a log in a store has no journal`)
  }
  if (meter !== undefined && typeof meter?.createHistogram !== 'function')
    throw new TypeError(`${OF}: meter is no meter`)
  return Object.freeze({
    schemas: new EventSchemas(eventTypes),
    shared,
    ownTypes: Object.freeze(Object.keys(eventTypes)),
    maxQueueBytes: wholeNumberOption(OF, 'maxQueueBytes', options.maxQueueBytes, {
      fallback: DEFAULT_MAX_QUEUE_BYTES[durability],
      min: MAX_ENTRY_BYTES,
      max: 2 ** 40,
    }),
    ...resolveCheckpointOptions(OF, options),
    durability,
    journalWindowBytes: journalWindowOption(OF, options.journalWindowBytes, durability),
    damagedJournal,
    journalKey: store ? undefined : journalKeyFrom(OF, options.journalKey),
    readableBy,
    meter,
    clock,
    emitter: new LogEmitter(checkedListeners(OF, on)),
    governance: { policy: options.policy, redactors: options.redactors, contentKeys: options.contentKeys },
    openGovernance: (options as WithGovernance)[GOVERNANCE],
  })
}

function isGiven(option: unknown): boolean {
  return option !== undefined
}
