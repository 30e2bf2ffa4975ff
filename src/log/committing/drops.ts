import type { Timestamp } from '../../events/time.js'
import type { AuditEventInput } from '../../events/types.js'
import type { AuditStore } from '../../store/contract.js'
import type { DropReason } from '../contract.js'
import type { LogEmitter } from '../log-emitter.js'
import type { Sealer } from '../sealing/seal.js'
import type { CommitListener, Committed } from './commit-loop.js'
import { Gaps } from './gaps.js'
import type { LogErrors } from './log-errors.js'

interface DropsParts {
  readonly store: Pick<AuditStore, 'location'>
  readonly errors: LogErrors
  readonly emitter: LogEmitter
  readonly sealer: Pick<Sealer, 'now'>
  /** Records a statement of the log, also where there is no room for more. @throws what sealing throws */
  readonly state: (statement: AuditEventInput) => void
}

/**
 * The events that a log drops. It says so once an episode, which ends when all is committed that could be kept, and puts
 * each gap on record as soon as the store can write.
 */
export class Drops implements CommitListener {
  readonly #parts: DropsParts
  readonly #gaps = new Gaps()
  /** Reasons of the episode that goes on. */
  readonly #emitted = new Set<DropReason>()
  #isFullReported = false

  constructor(parts: DropsParts) {
    this.#parts = parts
  }

  /** Events dropped, by reason. */
  get totals(): Readonly<Record<string, number>> {
    return this.#gaps.totals
  }

  /** Counts an event that `record()` could not keep. It becomes a part of a gap. */
  add(reason: DropReason): void {
    const at = this.#parts.sealer.now()
    this.#gaps.add(reason, at)
    this.#begin(reason, at)
    if (reason !== 'not_sealed') this.#reportFull()
  }

  /** Counts events which the log cannot state any more, since it is closed. */
  addUnstated(reason: 'closed' | 'write_failed', events: number): void {
    this.#gaps.count(reason, events)
    this.#begin(reason)
  }

  /** Returns statements of the gaps that are not on record: another log is to have them. */
  take(): readonly AuditEventInput<'events_dropped'>[] {
    return this.#gaps.take()
  }

  starting(): void {
    if (this.#gaps.size === 0) return
    try {
      for (const statement of this.#gaps.take()) this.#parts.state(statement)
    } catch {
      this.#gaps.count('not_sealed', 1)
    }
  }

  committed({ conflicts }: Committed): void {
    if (conflicts > 0) this.#gaps.count('id_conflict', conflicts)
  }

  idle(): void {
    this.#isFullReported = false
    for (const reason of this.#emitted) if (reason !== 'closed') this.#emitted.delete(reason)
  }

  #begin(reason: DropReason, since?: Timestamp): void {
    if (this.#emitted.has(reason)) return
    this.#emitted.add(reason)
    const { emitter, store, sealer } = this.#parts
    emitter.emit('dropped', { location: store.location, reason, since: since ?? sealer.now() })
  }

  #reportFull(): void {
    if (this.#isFullReported) return
    this.#isFullReported = true
    this.#parts.emitter.report(this.#parts.errors.full('events are dropped until there is room again'))
  }
}
