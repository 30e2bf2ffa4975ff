import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { refused } from '../../files/regular-file.js'
import { readCurrent, readManifest } from './current-manifest.js'
import { corrupt } from './errors.js'
import { requireReadable } from './table-file.js'

/** A writer leaves a tenth of it. LevelDB reads its logs to their ends, also one of zeros that takes no room. */
const MAX_LOG_BYTES = 256 * 2 ** 20

/**
 * Looks whether LevelDB, opening a database to write to it, would overwrite what it should keep. It creates files of the
 * numbers from the manifest's next one on, and empties a file that has such a name already. That is right for what a
 * writer left that died, never for a table that the manifest names, nor for a file that has another name elsewhere.
 *
 * @param path - of the database
 * @throws AuditLogError `AUDIT_LOG_CORRUPT`, `AUDIT_FILE_REFUSED`
 */
export async function requireSafeToWrite(path: string, location: string): Promise<void> {
  try {
    await requireSafe(path, location)
  } catch (error) {
    // It is missing, or another process has the database open: LevelDB says which.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

async function requireSafe(path: string, location: string): Promise<void> {
  const current = await readCurrent(path, location)
  const { manifest } = await readManifest(join(path, current), location)
  for (const { number } of manifest.tables) {
    if (number < manifest.nextFile) {
      requireReadable(join(path, `${String(number).padStart(6, '0')}.ldb`), location)
      continue
    }
    throw corrupt(
      location,
      `entries/${current} gives the number of table ${number} to the next file, which would overwrite it`,
    )
  }
  for (const name of await readdir(path)) {
    const [digits] = /^\d+(?=\.(log|ldb|sst|dbtmp)$)|(?<=^MANIFEST-)\d+$/.exec(name) ?? []
    if (digits === undefined) continue
    const isLog = name.endsWith('.log')
    if (!isLog && Number(digits) < manifest.nextFile) continue
    const { nlink, size } = await lstat(join(path, name))
    if (isLog && size > MAX_LOG_BYTES) throw refused(join(path, name), `has more than ${MAX_LOG_BYTES} bytes`)
    if (!isLog && nlink > 1)
      throw refused(join(path, name), `has ${nlink} names (hard links), and LevelDB would empty it`)
  }
}
