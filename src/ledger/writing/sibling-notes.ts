import { AuditLogError } from '../../events/errors.js'
import type { AuditEventInput } from '../../events/types.js'
import { OWN_SOURCE } from '../../log/own-source.js'
import type { SiblingHead } from './sibling-heads.js'

/** The most logs of one note: an entry has less than 64 KiB, and a statement about one log takes up to 600 B of it. */
const MAX_LOGS = 64
/** Longer names are possible, and are no reason for a note that does not fit an entry. */
const MAX_ORIGIN_LENGTH = 256
/**
 * By how many entries another log must have grown to be noted while this one is open. A note is an entry, which the others
 * see: if one entry were enough, the logs of a ledger at rest would note each other's notes for ever. With two, each round of
 * notes has fewer than the one before, and the last entry of a log is noted when a log is opened or closed.
 */
const WORTH_NOTING = 2

/** The notes of a log about the others, and those that are due next. */
export class SiblingNotes {
  readonly #noted = new Map<number, SiblingHead>()
  readonly #reported = new Set<number>()
  readonly #location: string
  readonly #report: (problem: Error) => void

  /** @param location - of the ledger */
  constructor(location: string, report: (problem: Error) => void) {
    this.#location = location
    this.#report = report
  }

  /** Takes the `data` of a note of this log, the latest first. */
  remember(data: unknown): void {
    // Attacker-controlled: `data` of a note in the log; used for comparisons alone.
    const { logs } = (data ?? {}) as { readonly logs?: unknown }
    if (!Array.isArray(logs)) return
    for (const head of logs as SiblingHead[]) if (!this.#noted.has(head.log)) this.#noted.set(head.log, head)
  }

  hasNoted(log: number): boolean {
    return this.#noted.has(log)
  }

  /**
   * Returns the note of what has changed. `undefined` when nothing has, or too little.
   *
   * @param heads - of the other logs
   * @param isAll - a single entry is worth a note as well: the log was just opened, or is being closed
   */
  next(heads: readonly SiblingHead[], isAll: boolean): AuditEventInput<'siblings_noted'> | undefined {
    const order = new Map([...this.#noted.keys()].map((log, at) => [log, at]))
    const placeOf = ({ log }: SiblingHead) => order.get(log) ?? -1
    const changed = heads.filter((head) => this.#hasGrown(head, 1)).sort((one, other) => placeOf(one) - placeOf(other))
    if (!changed.some((head) => this.#hasGrown(head, isAll ? 1 : WORTH_NOTING))) return undefined
    const logs = changed.slice(0, MAX_LOGS)
    for (const head of logs) {
      // Last in the order of the map: what was noted longest ago comes first.
      this.#noted.delete(head.log)
      this.#noted.set(head.log, head)
    }
    return { type: 'siblings_noted', source: OWN_SOURCE, data: { logs } }
  }

  /** Reports logs that were noted and are not there any more. */
  reportMissing(heads: readonly SiblingHead[]): void {
    const there = new Set(heads.map(({ log }) => log))
    for (const { log, size } of this.#noted.values()) {
      if (!there.has(log)) this.#reportOnce(log, `had ${size} entries, and is gone, or its file checkpoint is`)
    }
  }

  #hasGrown(head: SiblingHead, by: number): boolean {
    if (head.origin.length > MAX_ORIGIN_LENGTH) return false
    const noted = this.#noted.get(head.log)
    if (!noted) return true
    if (noted.origin !== head.origin) {
      this.#reportOnce(head.log, `is '${head.origin}', and was '${noted.origin}': another log took its place`)
      return true
    }
    if (head.size < noted.size) {
      this.#reportOnce(head.log, `has ${head.size} entries by its checkpoint, and had ${noted.size}: it was set back`)
      return false
    }
    return head.size - noted.size >= by
  }

  #reportOnce(log: number, what: string): void {
    if (this.#reported.has(log)) return
    this.#reported.add(log)
    this.#report(
      new AuditLogError(
        'AUDIT_LOG_ROLLED_BACK',
        `Log ${log} of the ledger ${this.#location} ${what}. Keep the directory as evidence, and verify the ledger`,
      ),
    )
  }
}
