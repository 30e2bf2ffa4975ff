import type { AuditEventInput } from '../../events/types.js'
import type { AuditStore, JournalPosition, SealedEntry } from '../../store/contract.js'
import { Group } from '../committing/commit-group.js'
import type { Gap } from '../committing/gaps.js'
import { withoutIdConflicts } from '../committing/id-conflicts.js'
import type { CommitObserver } from '../committing/recorded-gaps.js'
import { clockStepped, sealStatements } from '../sealing/clock-statement.js'
import type { Sealer } from '../sealing/seal.js'
import { sealedGap } from './gap-entries.js'
import type { RecoveredEvents } from './recovered-events.js'

interface RecoveryCommitsParts {
  readonly store: AuditStore
  readonly sealer: Sealer
  readonly recovered: RecoveredEvents
  /** The origin of the log. */
  readonly origin: string
  readonly committed?: CommitObserver | undefined
}

/** Commits entries in groups, as the log itself does. */
export class RecoveryCommits {
  readonly store: AuditStore
  readonly #sealer: Sealer
  readonly #recovered: RecoveredEvents
  readonly #origin: string
  readonly #committed: CommitObserver
  #group = new Group<never>()

  constructor({ store, sealer, recovered, origin, committed = () => {} }: RecoveryCommitsParts) {
    this.store = store
    this.#sealer = sealer
    this.#recovered = recovered
    this.#origin = origin
    this.#committed = committed
  }

  /** Position that the next entry gets, unless what waits has caller ids: what recovery itself adds does not. */
  get nextSeq(): number {
    return this.store.size + this.#group.length
  }

  /** @param end - of the entry's record in the journal */
  async add(entry: SealedEntry, end?: JournalPosition): Promise<void> {
    if (!this.#group.hasRoomFor(entry)) await this.commit()
    this.#push(entry, end)
  }

  /** Adds what the log says of itself. */
  async state(statement: AuditEventInput): Promise<void> {
    for (const entry of sealStatements(this.#sealer, statement)) await this.add(entry)
  }

  /** Adds that the clock was set, if it was. */
  async recordClockStep(): Promise<void> {
    this.#sealer.now()
    const step = this.#sealer.takeStep()
    if (step) await this.add(this.#sealer.sealStatement(clockStepped(step)).entry)
  }

  /** @param journal - up to where the store has the journal then, if that is not the end of the last entry */
  async commit(journal = this.#group.end): Promise<void> {
    const { entries, conflicts } = await withoutIdConflicts(this.#group.entries, this.store, (dropped) => {
      const [from, to] = [dropped[0], dropped.at(-1)].map((entry) => (entry as SealedEntry).event.recordedAt)
      return sealedGap('id_conflict', { count: dropped.length, from, to } as Gap, this.#origin)
    })
    this.#recovered.leaveOut(conflicts.length)
    await this.store.commit([...entries, ...this.#recovered.statements()], { journal })
    this.#group = new Group()
    this.#committed(entries, this.#origin)
  }

  #push(entry: SealedEntry, end?: JournalPosition): void {
    this.#group.add(entry, end !== undefined, end ?? this.#group.end)
  }
}
