import type { Stats } from 'node:fs'
import { lstat, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { openNamedFile } from '../../files/regular-file.js'
import { ENTRIES, FORMER_DATABASE } from '../../store/leveldb/database.js'
import { JsonlFile } from '../../verify/jsonl-file.js'
import { isAbsent, readFailure } from '../../verify/read-failure.js'
import type { LogSource } from '../../verify/source.js'
import { TileDirectory } from '../../verify/tile-directory.js'
import { UsageError } from '../usage-error.js'

/** The beginning of a C2SP tlog-proof of any version. */
const RECEIPT = 'c2sp.org/tlog-proof@'

/**
 * Opens a copy of a log that lies at a path: an export in JSON Lines, or one as C2SP tiles.
 *
 * @returns `undefined` for a directory that is no copy, but a log or a ledger if anything
 */
export async function copyAt(path: string): Promise<LogSource | undefined> {
  const isThere = async (name: string) => (await statAt(join(path, name), lstat)) !== undefined
  if ((await statAt(path, stat))?.isFile()) {
    if (await isReceipt(path)) throw new UsageError(`${path} is a receipt of one entry: verify it with --receipt`)
    return new JsonlFile(path)
  }
  const isLog = (await isThere(ENTRIES)) || (await isThere(FORMER_DATABASE))
  return !isLog && (await TileDirectory.isAt(path)) ? await TileDirectory.open(path) : undefined
}

async function isReceipt(path: string): Promise<boolean> {
  const file = await openNamedFile(path).catch((error: unknown) => {
    throw readFailure(error, path)
  })
  try {
    const { buffer } = await file.read(Buffer.alloc(RECEIPT.length), 0, RECEIPT.length, 0)
    // Attacker-controlled: the file may be any bytes; a bounded part of it is compared.
    return buffer.toString('latin1') === RECEIPT
  } finally {
    await file.close()
  }
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
