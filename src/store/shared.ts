import type { AuditStore } from './contract.js'

/** A store that several processes may open at the same time, for reading or writing. */
export interface SharedStore extends AuditStore {
  /**
   * Opens for reading only: nothing is created, and `commit()` rejects.
   *
   * @throws AuditLogError `AUDIT_OPEN_FAILED`, also when there is no such log; `AUDIT_FORMAT_UNSUPPORTED`
   */
  openForReading(): Promise<void>

  /** Takes in what others have committed: `size`, and what reads see, is as of the last commit or refreshing. */
  refresh(): Promise<void>

  /** Resolves when somebody has committed something, or the signal is aborted. It may miss a commit. */
  changed(signal: AbortSignal): Promise<void>
}

/** Tells whether others may write the log while this process has it open. */
export function isShared(store: AuditStore): store is SharedStore {
  return store.refresh !== undefined && 'changed' in store
}
