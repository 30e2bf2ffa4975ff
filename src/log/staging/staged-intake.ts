import { textOf } from '../../events/text.js'
import type { AuditEventData, AuditEventInput } from '../../events/types.js'
import type { AuditStore, SealedEntry } from '../../store/contract.js'
import { hashLeaf } from '../../tree/index.js'
import { OWN_SOURCE } from '../own-source.js'
import type { Sealer } from '../sealing/seal.js'
import type { Staged } from './staged.js'
import { entryOfStaged } from './staged-entry.js'

// Every copy of this package in a process uses the same symbol.
const STAGED_INTAKE: unique symbol = Symbol.for('spanledger.stagedIntake.v1')

/** A log that takes over what its process has staged. No part of the public interface. */
export interface StagedTaker {
  readonly [STAGED_INTAKE]: StagedIntake
}

export { STAGED_INTAKE }

/** Returns the way by which staged events come into a log; `undefined` for a log of another make. */
export function stagedIntakeOf(log: object): StagedIntake | undefined {
  return STAGED_INTAKE in log ? (log as StagedTaker)[STAGED_INTAKE] : undefined
}

interface StagedIntakeParts {
  readonly store: AuditStore
  readonly sealer: Sealer
  /** @returns whether the log has taken the entry */
  readonly take: (entry: SealedEntry) => boolean
}

/** The way by which staged events come into an open log. */
export class StagedIntake {
  readonly #store: AuditStore
  readonly #sealer: Sealer
  readonly #take: (entry: SealedEntry) => boolean

  constructor({ store, sealer, take }: StagedIntakeParts) {
    this.#store = store
    this.#sealer = sealer
    this.#take = take
  }

  /** The id of the log. */
  get logId(): string {
    return this.#store.id
  }

  /** Resolves when the index tells ids apart, or will not: a commit of staged events waits for it otherwise. */
  async ready(): Promise<void> {
    await this.#store.indexReady?.().catch(() => undefined)
  }

  /** Returns the ids of the events that the log has from a position on. @throws what reading throws */
  async idsFrom(seq: number): Promise<ReadonlySet<string>> {
    const ids = new Set<string>()
    const { size } = this.#store
    if (seq >= size) return ids
    for await (const entries of this.#store.entries({ from: seq, to: size, reverse: false })) {
      // Attacker-controlled: entries of the log; their ids are compared, and nothing else is used.
      for (const { bytes } of entries) if (bytes) ids.add(JSON.parse(textOf(bytes)).id)
    }
    return ids
  }

  /** Tells whether the log has the entry of a leaf hash at a position. @throws what reading throws */
  async holds(seq: number, leafHash: Uint8Array): Promise<boolean> {
    const [bytes] = await this.#store.read([seq])
    return bytes !== undefined && Buffer.compare(hashLeaf(bytes), leafHash) === 0
  }

  /** Takes an entry. @returns whether the log has taken it */
  takeEntry(entry: SealedEntry): boolean {
    return this.#take(entry)
  }

  /** Takes events of this process. @returns the number of those that were taken, from the first one on */
  take(staged: readonly Staged[]): number {
    for (const [at, { entry, statement }] of staged.entries()) {
      const taken = statement ? entryOfStaged(statement, entry, true, this.#sealer) : entry
      if (!this.#take(taken)) return at
    }
    return staged.length
  }

  /** Records which staging journal was taken over. @returns whether the log has taken that */
  adopted(data: AuditEventData<'staging_adopted'>): boolean {
    return this.#take(stagingAdopted(data, this.#sealer))
  }
}

/** Seals the log's statement on a staging journal. It has the journal's id, so that it is there once. */
export function stagingAdopted(data: AuditEventData<'staging_adopted'>, sealer: Sealer): SealedEntry {
  const statement: AuditEventInput<'staging_adopted'> = {
    id: data.staging,
    type: 'staging_adopted',
    source: OWN_SOURCE,
    data,
  }
  return sealer.sealStatement(statement, true).entry
}
