import type { Timestamp } from '../events/time.js'

/** The progress of a forwarder. */
export interface ForwardProgress {
  /**
   * - `forwarding`: what is recorded goes on as fast as the remote log takes it
   * - `failing`: it cannot be reached, or written; it is tried again
   * - `stopped`: it holds other entries, or somebody else took it over; see `cause`
   * - `closed`
   */
  readonly status: 'forwarding' | 'failing' | 'stopped' | 'closed'
  /** The reason, when failing or stopped. */
  readonly cause?: unknown
  /** Entries of the local log, when it was last read. */
  readonly localSize: number
  /** Entries of the remote log. */
  readonly remoteSize: number
  /** Entries that the remote log does not have yet. */
  readonly lagEvents: number
  /** `recordedAt` of the oldest of these that was read; `undefined` when there is none. */
  readonly lagSince: Timestamp | undefined
  /**
   * Entries below this position were read back from the remote log, are the same there, and lead to the same root of
   * the tree: the local copy of them is not needed any more.
   */
  readonly safeToTrim: number
  /** Entries that were forwarded since the call of `forwardAuditLog()`. */
  readonly forwarded: number
}

/** Copies the entries of a log into another store. */
export interface Forwarder {
  /** Returns its progress; reads nothing. */
  progress(): ForwardProgress
  /**
   * Resolves when the remote log has, and has proved to have, all that the local log had at the call.
   *
   * @throws AuditLogError what an attempt fails with meanwhile: entries stay in the local log, and are tried again;
   * `AUDIT_LOG_DIVERGED`; `AUDIT_LOG_CLOSED`
   */
  flush(): Promise<void>
  /** Ends forwarding after the commit that is under way, and closes the remote log; the local one stays open. */
  close(): Promise<void>
  /** {@link close} */
  [Symbol.asyncDispose](): Promise<void>
}
