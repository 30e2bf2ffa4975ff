import { resolve } from 'node:path'
import { requireDirectoryPath } from '../events/options.js'
import { type AuditLogOptions, resolveOptions } from '../log/options.js'
import type { AuditStore } from '../store/contract.js'
import { levelStore } from '../store/leveldb/index.js'
import type { AuditLog } from './audit-log.js'
import { openLedger } from './open-ledger.js'
import { openLog } from './open-log.js'
import { readersFor } from './readers-for.js'

type DirectoryOptions = Omit<AuditLogOptions, 'store'>
type StoreOptions = AuditLogOptions & { readonly store: AuditStore }

/**
 * Opens the log in a directory for reading and writing; creates the directory and the log if they are missing. One
 * process at a time, and one log in it, can have a directory open. With `shared`, the directory is a ledger: each
 * process takes a log of its own.
 *
 * @param location - a directory; a relative path is resolved at once
 * @throws AuditLogError `AUDIT_LOG_LOCKED`, `AUDIT_LOG_CORRUPT`, `AUDIT_LOG_ROLLED_BACK`, `AUDIT_OPEN_FAILED`,
 * `AUDIT_FORMAT_UNSUPPORTED`, `AUDIT_KEY_INVALID`, `AUDIT_ORIGIN_MISMATCH`, `AUDIT_FILE_REFUSED`, `AUDIT_WRITE_FAILED`,
 * `AUDIT_LOCKS_UNSUPPORTED`; what a
 * `knownCheckpoint` function rejects with
 * @throws TypeError naming an unknown or malformed option
 *
 * @example
 * ```ts
 * await using log = await openAuditLog('./audit')
 * await log.append({ type: 'agent_handoff', data: { to: 'writer' }, runId: 'r-1' })
 * for await (const event of log.events({ runId: 'r-1' })) console.log(event.seq, event.type)
 * ```
 */
export function openAuditLog(location: string, options?: DirectoryOptions): Promise<AuditLog>
/** Opens the log in the given store: `openAuditLog({ store: memoryStore() })`. */
export function openAuditLog(options: StoreOptions): Promise<AuditLog>
export async function openAuditLog(location: string | StoreOptions, options?: DirectoryOptions): Promise<AuditLog> {
  const given: AuditLogOptions = typeof location === 'object' ? location : { ...options }
  const resolved = resolveOptions(given)
  const store = storeOf(location, given)
  const directory = typeof location === 'string' ? resolve(location) : undefined
  if (directory !== undefined && resolved.shared) return await openLedger(directory, resolved)
  const { log, member } = await openLog(store, directory, resolved)
  member?.start()
  log.enterLedger({ stop: () => member?.stop() })
  return log
}

function storeOf(location: string | StoreOptions, { store, readableBy }: AuditLogOptions): AuditStore {
  if (typeof location === 'object') {
    if (!store) throw new TypeError('openAuditLog: give the directory of the log, or a store')
    return store
  }
  requireDirectoryPath('openAuditLog', location)
  if (store) throw new TypeError('openAuditLog: give a directory or a store, not both')
  return levelStore(location, readersFor({ readableBy }))
}
