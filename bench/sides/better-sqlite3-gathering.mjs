import { openSqlite } from './better-sqlite3.mjs'

/** As many events in a transaction as Spanledger takes into a commit at most, whatever a tick brings. */
export const open = (directory) => openSqlite(directory, 4096)
