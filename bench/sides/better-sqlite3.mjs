import { join } from 'node:path'
import { INSERT, PRAGMAS, rowOf, SCHEMA } from './sql.mjs'

/** One transaction a tick, or one for so many events as gather. */
export async function openSqlite(directory, transactionEvents = 1) {
  const { default: Database } = await import('better-sqlite3')
  const db = new Database(join(directory, 'entries.sqlite'))
  for (const pragma of PRAGMAS) db.pragma(pragma)
  db.exec(SCHEMA)
  const insert = db.prepare(INSERT)
  const write = db.transaction((events) => {
    for (const event of events) insert.run(rowOf(event))
  })
  let waiting = []
  const commit = () => {
    if (waiting.length > 0) write(waiting)
    waiting = []
  }
  return {
    put(events) {
      waiting = waiting.length === 0 ? events : waiting.concat(events)
      if (waiting.length >= transactionEvents) commit()
    },
    durable: commit,
    close: () => db.close(),
    db,
  }
}

export const open = (directory) => openSqlite(directory)
