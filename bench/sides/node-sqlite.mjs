import { join } from 'node:path'
import { INSERT, PRAGMAS, rowOf, SCHEMA } from './sql.mjs'

export async function open(directory) {
  const { DatabaseSync } = await import('node:sqlite')
  const db = new DatabaseSync(join(directory, 'entries.sqlite'))
  for (const pragma of PRAGMAS) db.exec(`PRAGMA ${pragma}`)
  db.exec(SCHEMA)
  const insert = db.prepare(INSERT)
  return {
    put(events) {
      db.exec('BEGIN')
      for (const event of events) insert.run(...rowOf(event))
      db.exec('COMMIT')
    },
    durable() {},
    close: () => db.close(),
  }
}
