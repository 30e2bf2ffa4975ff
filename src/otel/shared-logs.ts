import { createHash } from 'node:crypto'
import { resolve } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { type AuditLog, openAuditLog } from '../audit-log/index.js'
import { AuditLogError } from '../events/errors.js'
import { timestampFromMillis } from '../events/time.js'
import { GROUP, NOBODY } from '../files/readers.js'
import { GOVERNANCE, openGovernance, type WithGovernance } from '../governance/open-governor.js'
import { stagingAt } from '../ledger/log-directories.js'
import type { AuditLogWriter, RecordInput } from '../log/contract.js'
import { type JournalKey, journalKeyFrom } from '../log/journal/journal-key.js'
import { createDirectorySync } from '../store/directory.js'
import { OpeningLog } from './opening-log.js'
import type { OwnLogOptions } from './options.js'
import { RecentMap } from './recent-map.js'

/*
 * Setup code runs twice more often than one thinks: a framework reloads it, a test imports it again, two packages bring
 * their own copy of this one. So the registries here are of the process, whichever copy of the package asks.
 */

/** Spans of a log with several feeders that are known as one feeder's. */
const MAX_OWNED = 16_384

/** A processor that feeds a log. */
export interface Feeder {
  /** The feeder no longer feeds the log, and what it has begun may be brought to an end by another. */
  hasLeft: boolean
}

/** A log and the processors that feed it. Where there are several, what one has reported of a span the others do not repeat. */
export class SharedLog {
  readonly #feeders = new Set<Feeder>()
  readonly #owners = new RecentMap<string, Feeder>(MAX_OWNED)
  /** Several have fed it: what one of them has brought to an end stays so when it has left. */
  #isShared = false
  #hasWarned = false

  /** @returns whether another feeds the log as well, which nobody has been warned of yet */
  enter(feeder: Feeder): boolean {
    this.#feeders.add(feeder)
    this.#isShared ||= this.#feeders.size > 1
    if (this.#feeders.size === 1 || this.#hasWarned) return false
    this.#hasWarned = true
    return true
  }

  /** @param isOver - it has brought all that it had begun to an end */
  leave(feeder: Feeder, isOver: boolean): void {
    this.#feeders.delete(feeder)
    feeder.hasLeft = !isOver
  }

  /** Tells whether it falls to this feeder to record the event: the first that tells of a span tells all of it. */
  falls(to: Feeder, event: RecordInput): boolean {
    if (!this.#isShared) return true
    const key = keyOf(event)
    const owner = this.#owners.get(key)
    if (owner && owner !== to && !owner.hasLeft) return false
    if (owner !== to) this.#owners.set(key, to)
    return true
  }
}

/** Two processors that hear of the same thing give it ids of their own. */
function keyOf({ trace, type, time, data }: RecordInput): string {
  if (trace) return `${trace.traceId} ${trace.spanId}`
  return createHash('sha256')
    .update(JSON.stringify([type, time, data]))
    .digest('base64')
}

interface OpenedLog {
  readonly policy: OwnLogOptions['policy']
  readonly log: OpeningLog<AuditLog>
  users: number
  closing: Promise<void> | undefined
}

const SHARED = Symbol.for('spanledger.shared-logs.v1')
const OPENED = Symbol.for('spanledger.opened-logs.v1')
const registry = globalThis as { [SHARED]?: WeakMap<object, SharedLog>; [OPENED]?: Map<string, OpenedLog> }

/** Returns the feeders of a log, also of one that a processor has opened itself, before and after it was open. */
export function sharedLog(log: AuditLogWriter): SharedLog {
  registry[SHARED] ??= new WeakMap()
  const known = registry[SHARED].get(log)
  if (known) return known
  const shared = new SharedLog()
  registry[SHARED].set(log, shared)
  return shared
}

/**
 * Opens a log of the ledger in a directory, or takes the one that another processor of this process has open there. One that is
 * being closed is opened again afterwards.
 */
export function openShared(location: string, options: OwnLogOptions): OpeningLog<AuditLog> {
  const { readableBy } = options
  registry[OPENED] ??= new Map()
  const logs = registry[OPENED]
  const path = resolve(location)
  const known = logs.get(path)
  if (known && !known.closing) {
    if (options.policy !== undefined && !isDeepStrictEqual(options.policy, known.policy)) warnOfPolicy(location)
    known.users++
    known.log.retryNow()
    return known.log
  }
  const closed = known?.closing ?? Promise.resolve()
  // It governs also what is staged before the log is open.
  const governance = openGovernance({
    options,
    location: path,
    onInvalid: 'metadata',
    now: () => timestampFromMillis(Date.now()),
    report: (problem) => process.emitWarning(problem),
  })
  if (readableBy === 'group') createLocation(path)
  const log = new OpeningLog<AuditLog>(location, {
    staging: stagingAt(path),
    journalKey: journalKeyAtHand(),
    readers: readableBy === 'group' ? GROUP : NOBODY,
    governance: governance.governor,
    open: async (onRemoved) => {
      await closed.catch(() => undefined)
      let isRemoved = false
      const report = (problem: Error) => {
        // What else is said of a log whose directory is gone follows from that.
        if (!isRemoved && !isOfRemoved(problem)) process.emitWarning(problem)
        else if (!isRemoved) onRemoved()
        isRemoved ||= isOfRemoved(problem)
      }
      // Until the log has all that was staged, what it is given was decided on by the policy that is in force now.
      const review = () => log.log && governance.review()
      const governed: WithGovernance = { [GOVERNANCE]: { ...governance, review } }
      return await openAuditLog(location, { shared: true, ...options, ...governed, on: { problem: report } })
    },
    // Whoever holds the log itself, and not what stands in for it, feeds the same log.
    onOpen: (open) => registry[SHARED]?.set(open, sharedLog(log)),
    onWarning: (message) => process.emitWarning(message, 'Spanledger'),
  })
  logs.set(path, { log, policy: options.policy, users: 1, closing: undefined })
  return log
}

function warnOfPolicy(location: string): void {
  const what = `The audit log ${location} is open in this process with another policy, which stays in force`
  process.emitWarning(`${what}. Give all processors of a location the same policy, or call applyPolicy()`, 'Spanledger')
}

function isOfRemoved(problem: Error): boolean {
  return problem instanceof AuditLogError && problem.code === 'AUDIT_LOG_REMOVED'
}

/** Lets the group in before anything is staged there. Opening the log says what is wrong with the directory. */
function createLocation(path: string): void {
  try {
    createDirectorySync(path, GROUP)
  } catch {}
}

/** Opening the log says what is wrong with a key that is malformed. */
function journalKeyAtHand(): JournalKey | undefined {
  try {
    return journalKeyFrom('openAuditLog', undefined)
  } catch {
    return undefined
  }
}

/** Closes the log once nobody uses it any more. */
export async function closeShared(location: string, log: OpeningLog<AuditLog>): Promise<void> {
  const path = resolve(location)
  const opened = registry[OPENED]?.get(path)
  if (opened?.log === log) {
    opened.users--
    if (opened.users > 0) return
    opened.closing = closeWhenOpen(log)
    try {
      await opened.closing
    } finally {
      if (registry[OPENED]?.get(path) === opened) registry[OPENED].delete(path)
    }
  } else await closeWhenOpen(log)
}

async function closeWhenOpen(log: OpeningLog<AuditLog>): Promise<void> {
  await log.close((open) => open.close())
}
