import type { Stats } from 'node:fs'
import { lstat, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { AuditLogError } from '../../events/errors.js'
import { DirectorySource } from '../../inspection/directory-source.js'
import { ENTRIES, FORMER_DATABASE } from '../../store/leveldb/database.js'
import { JsonlFile } from '../../verify/jsonl-file.js'
import { isAbsent, readFailure } from '../../verify/read-failure.js'
import type { LogSource } from '../../verify/source.js'
import { TileDirectory } from '../../verify/tile-directory.js'
import type { Watcher } from '../output.js'

/** Opens what lies at a path: a log, an export in JSON Lines, or one as C2SP tiles. */
export async function sourceAt(
  path: string,
  entriesOnly: boolean | undefined,
  watcher: Watcher | undefined,
): Promise<LogSource> {
  const isThere = async (name: string) => (await statAt(join(path, name), lstat)) !== undefined
  if ((await statAt(path, stat))?.isFile()) return new JsonlFile(path)
  const isLog = (await isThere(ENTRIES)) || (await isThere(FORMER_DATABASE))
  const isTiles = !isLog && (await TileDirectory.isOne(path))
  if (!isLog && !isTiles && !(await isThere('checkpoint'))) {
    throw new AuditLogError('AUDIT_LOG_OPEN_FAILED', `There is no audit log in ${resolve(path)}`)
  }
  if (isTiles) return await TileDirectory.open(path)
  watcher?.reads(path)
  return await DirectorySource.open(path, entriesOnly)
}

/** Returns the status of a file; `undefined` when there is none. @throws when the file cannot be looked at */
async function statAt(path: string, look: (path: string) => Promise<Stats>): Promise<Stats | undefined> {
  try {
    return await look(path)
  } catch (error) {
    if (isAbsent(error)) return undefined
    throw readFailure(error, path)
  }
}
