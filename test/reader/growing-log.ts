import type { AuditLogReader } from '../../src/reader/index.js'
import type { SealedEntry } from '../../src/store/contract.js'

/** A log that is written while it is read. */
export interface GrowingLog {
  readonly reader: AuditLogReader
  commit(group: readonly SealedEntry[]): Promise<void>
  close(): Promise<void>
}
