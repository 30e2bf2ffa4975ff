import { join } from 'node:path'
import { readRegularFile } from '../../files/regular-file.js'

/**
 * The largest LOG that is read. LevelDB writes a few lines to it at each opening, unless it finds damage everywhere.
 */
const MAX_LOG_BYTES = 2 ** 20

/** Tells whether LevelDB read all of its log. It reports what it dropped in its LOG, which each opening begins anew. */
export async function hasRecoveredAll(path: string): Promise<boolean> {
  try {
    // Attacker-controlled: LevelDB's LOG; at most MAX_LOG_BYTES, looked through by one pattern.
    const log = await readRegularFile(join(path, 'LOG'), MAX_LOG_BYTES)
    return !/dropping \d+ bytes/.test(log.toString('latin1'))
  } catch {
    return false
  }
}
