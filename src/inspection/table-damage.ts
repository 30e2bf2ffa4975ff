import { closeSync, fstatSync, openSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { openRegularFileSync } from '../files/regular-file.js'
import { readCurrent, readManifest } from '../store/leveldb/current-manifest.js'
import { ENTRIES } from '../store/leveldb/database.js'
import { DamagedTable, requireSoundTable, type Table } from '../store/leveldb/table-file.js'

/**
 * Looks for damage in the tables of a log's entries, without LevelDB, which crashes on some.
 *
 * @param directory - of the log
 * @returns a sentence about the first table that is damaged; `undefined` when all are sound
 * @throws what the file system throws
 */
export async function findTableDamage(directory: string): Promise<string | undefined> {
  const database = join(directory, ENTRIES)
  const { manifest } = await readManifest(join(database, await readCurrent(database, directory)), directory)
  for (const { number } of manifest.tables) {
    const name = `${String(number).padStart(6, '0')}.ldb`
    const damage = damageOf(() => openIfThere(join(database, name)), 'blocks')
    if (damage !== undefined) return `its table ${name} is damaged: ${damage}`
  }
  return undefined
}

/**
 * Looks through the tables of a database that was laid out for reading.
 *
 * @param directory - of the database, which nobody else can change
 * @returns a sentence about the first table that is damaged; `undefined` when all are sound
 */
export function findDamagedTable(directory: string, depth: Table['depth']): string | undefined {
  for (const name of readdirSync(directory).sort()) {
    if (!name.endsWith('.ldb')) continue
    const damage = damageOf(() => openSync(join(directory, name), 'r'), depth)
    if (damage !== undefined) return `its table ${name} is damaged: ${damage}`
  }
  return undefined
}

function damageOf(open: () => number | undefined, depth: Table['depth']): string | undefined {
  const descriptor = open()
  if (descriptor === undefined) return undefined
  try {
    requireSoundTable({ descriptor, bytes: fstatSync(descriptor).size, depth })
    return undefined
  } catch (error) {
    if (error instanceof DamagedTable) return error.message
    throw error
  } finally {
    closeSync(descriptor)
  }
}

/** A writer may have replaced a table meanwhile. */
function openIfThere(path: string): number | undefined {
  try {
    return openRegularFileSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
