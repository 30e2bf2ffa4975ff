import { join } from 'node:path'
import { Level } from 'level'

/** A database as no part of the package opens it. */
export type RawDatabase = Level<Buffer, Uint8Array>

/** Changes the database of the entries of a closed log. */
export async function changeEntries(directory: string, changing: (db: RawDatabase) => Promise<void>): Promise<void> {
  const path = join(directory, 'entries')
  const db: RawDatabase = new Level<Buffer, Uint8Array>(path, { keyEncoding: 'buffer', valueEncoding: 'view' })
  await db.open()
  await changing(db)
  await db.close()
}

/** Returns what every chained batch inherits `write()` from. @param base - a directory for a database of its own */
export async function batchPrototype(base: string): Promise<{ write: (options: object) => Promise<void> }> {
  const db = new Level(join(base, 'other'))
  await db.open()
  const batch = db.batch()
  await batch.close()
  await db.close()
  return Object.getPrototypeOf(batch)
}
