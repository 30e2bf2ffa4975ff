import { AuditLogError } from '../../events/errors.js'
import type { AuditEvent } from '../../events/types.js'

/** The reaction to a damaged journal: refuse to open the log, or continue with the readable part. */
export type JournalDamagePolicy = 'refuse' | 'discard'

/** A stretch of a journal that cannot be read, or that is not the log's own. */
export interface JournalGap {
  readonly reason: 'journal_damaged' | 'journal_unattested' | 'power_lost'
  /** Events that were there, as far as can be told; at least 1. */
  readonly count: number
  /** Last event before it, first one behind it; `undefined` where there is none. */
  readonly before: AuditEvent | undefined
  readonly after: AuditEvent | undefined
}

/** A gap when it is found. */
export interface FoundGap extends Pick<JournalGap, 'reason' | 'count'> {
  /** For a person. */
  readonly what: string
}

/** The gaps of a journal, in the order in which it is read: gaps of one reason with no event between them are one. */
export class JournalGaps {
  readonly #policy: JournalDamagePolicy
  readonly #location: string
  readonly #all: JournalGap[] = []
  readonly #damagedSegments = new Set<number>()
  /** The latest event that was read. */
  #last: AuditEvent | undefined = undefined
  /** Waits for the event behind it. */
  #open: Omit<JournalGap, 'after'> | undefined = undefined

  /** @param location - of the log, for messages */
  constructor(policy: JournalDamagePolicy, location: string) {
    this.#policy = policy
    this.#location = location
  }

  /** Those that have ended. */
  get all(): readonly JournalGap[] {
    return this.#all
  }

  /** Segments with a gap that loss of power does not explain. */
  get damagedSegments(): ReadonlySet<number> {
    return this.#damagedSegments
  }

  /** @param segment - `undefined` where it is missing @throws AuditLogError `AUDIT_LOG_CORRUPT` where a damaged journal is refused */
  add({ reason, count, what }: FoundGap, segment: number | undefined): void {
    if (reason !== 'power_lost' && this.#policy === 'refuse') throw refusal(this.#location, reason, what)
    if (segment !== undefined && reason !== 'power_lost') this.#damagedSegments.add(segment)
    if (this.#open?.reason === reason) {
      this.#open = { ...this.#open, count: this.#open.count + count }
      return
    }
    this.#close(undefined)
    this.#open = { reason, count, before: this.#last }
  }

  /** Ends what gap there is, since this event could be read. */
  endBefore(event: AuditEvent): void {
    this.#close(event)
    this.#last = event
  }

  /** Ends what gap there is, since the journal ends. */
  end(): void {
    this.#close(undefined)
  }

  #close(after: AuditEvent | undefined): void {
    if (this.#open) this.#all.push({ ...this.#open, after })
    this.#open = undefined
  }
}

function refusal(location: string, reason: JournalGap['reason'], what: string): AuditLogError {
  const isForged = reason === 'journal_unattested'
  return new AuditLogError(
    'AUDIT_LOG_CORRUPT',
    isForged
      ? `The journal of the audit log ${location} has what the log did not write: ${what}. Keep the directory as evidence, and give the journal key that the log was written with, or open with damagedJournal: 'discard', which keeps such records aside and records the gap`
      : `The journal of the audit log ${location} is damaged: ${what}. It has events that are stored nowhere else. Keep the directory as evidence, and restore the file or open with damagedJournal: 'discard', which goes on without them and records the gap`,
  )
}
