import type { Timestamp } from '../../events/time.js'
import type { AuditEvent } from '../../events/types.js'
import type { Readers } from '../../files/readers.js'
import type { Governance } from '../../governance/contract.js'
import type { SealedEntry } from '../../store/contract.js'
import type { JournalKey } from '../journal/journal-key.js'
import type { Clock } from '../sealing/clock.js'

/** Options of a queue of staged events. */
export interface StagedQueueOptions {
  /** Directory of the ledger for staging journals; `undefined` keeps events in memory alone. */
  readonly staging: string | undefined
  readonly journalKey?: JournalKey | undefined
  /** Readers of the journal besides its owner and those who may read log 0. @defaultValue nobody */
  readonly readers?: Readers
  readonly maxMemoryBytes?: number
  readonly maxStagedBytes?: number
  readonly clock?: Clock
  /** Applies the policy. @defaultValue everything is taken as it comes */
  readonly governance?: Governance | undefined
}

/** A staged event. */
export interface Staged {
  readonly entry: SealedEntry
  /** The statement that it is, if its process staged it as one. */
  readonly statement: AuditEvent | undefined
}

/** Events that are not kept, and between which times they came. */
export interface StagedGap {
  readonly count: number
  readonly from: Timestamp
  readonly to: Timestamp
}
