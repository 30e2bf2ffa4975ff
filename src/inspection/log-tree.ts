import { join } from 'node:path'
import { AuditLogError } from '../events/errors.js'
import { isThere } from '../files/is-there.js'
import { ENTRIES } from '../store/leveldb/database.js'
import { StoredTiles } from '../store/leveldb/entries/stored-tiles.js'
import { rootAt } from '../tree/index.js'
import { Findings } from '../verify/findings.js'
import type { OpenLogTree } from '../verify/ledger/ledger.js'
import { readFailure } from '../verify/read-failure.js'
import { closeFrozen, FrozenLog } from './frozen-log.js'
import { openOwn } from './inspection.js'
import { readStatedHead } from './stated-head.js'

/**
 * Opens the tree of a log as it is now, also while a process writes it. Its roots come from tiles: verifying the log
 * compares these with the entries.
 *
 * @param location - directory of the log, as an absolute path
 * @returns `undefined` where the database is damaged
 * @throws AuditLogError `AUDIT_READ_FAILED`, `AUDIT_FILE_REFUSED`
 */
export async function openLogTree(location: string): Promise<OpenLogTree | undefined> {
  let log: FrozenLog | undefined
  try {
    if (!(await isThere(join(location, ENTRIES)))) return EMPTY
    log = await FrozenLog.take(location, true)
    const taken = log
    const databases = await openOwn(taken)
    const { size } = await readStatedHead(databases.entries, new Findings(), location)
    const tiles = new StoredTiles(databases.entries)
    return {
      size,
      rootAt: (at) => rootAt(at, size, tiles).catch(unlessDamaged),
      close: async () => {
        await closeFrozen(databases)
        await taken.remove()
      },
    }
  } catch (error) {
    await log?.remove()
    if (isDamage(error)) return undefined
    throw readFailure(error, location)
  }
}

/** A log of which nothing but its checkpoint is left. */
const EMPTY: OpenLogTree = { size: 0, rootAt: async () => undefined, close: async () => {} }

function unlessDamaged(error: unknown): undefined {
  if (!isDamage(error)) throw error
  return undefined
}

function isDamage(error: unknown): boolean {
  return error instanceof AuditLogError && error.code === 'AUDIT_LOG_CORRUPT'
}
