import { closeSync, fstatSync } from 'node:fs'
import { join } from 'node:path'
import { openRegularFileSync } from '../files/regular-file.js'
import { readCurrent, readManifest } from '../store/leveldb/snapshot-files.js'
import { checkTable, DamagedTable } from '../store/leveldb/table-file.js'

/**
 * Looks for damage in the tables of a log's database, without LevelDB, which crashes on some.
 *
 * @param directory - of the log
 * @returns a sentence about the first table that is damaged; `undefined` when all are sound
 * @throws what the file system throws
 */
export async function findTableDamage(directory: string): Promise<string | undefined> {
  const database = join(directory, 'db')
  const { manifest } = await readManifest(join(database, await readCurrent(database, directory)), directory)
  for (const { number } of manifest.tables) {
    const name = `${String(number).padStart(6, '0')}.ldb`
    const damage = damageOf(join(database, name))
    if (damage !== undefined) return `its table ${name} is damaged: ${damage}`
  }
  return undefined
}

function damageOf(path: string): string | undefined {
  let descriptor: number
  try {
    descriptor = openRegularFileSync(path)
  } catch (error) {
    // A writer has replaced it meanwhile.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  try {
    checkTable({ descriptor, bytes: fstatSync(descriptor).size, depth: 'blocks' })
    return undefined
  } catch (error) {
    if (error instanceof DamagedTable) return error.message
    throw error
  } finally {
    closeSync(descriptor)
  }
}
