import { openStoreReader } from '../../../src/reader/open-store.js'
import type { SealedEntry } from '../../../src/store/contract.js'
import { postgresStore } from '../../../src/store/postgres/index.js'
import type { GrowingLog } from '../../reader/growing-log.js'
import { filled } from '../../reader/reader-of.js'
import { migratedDatabase } from './database.js'

let database: ReturnType<typeof migratedDatabase> | undefined
let logs = 0

/** A log in PostgreSQL, written by one store and read by another. */
export async function postgresLog(
  groups: readonly (readonly SealedEntry[])[],
  eventTypes: readonly string[],
): Promise<GrowingLog> {
  database ??= migratedDatabase()
  const options = { connectionString: (await database).url(), logId: `log ${logs++}` }
  const written = await filled(postgresStore(options), groups)
  const reader = await openStoreReader({ store: postgresStore(options), eventTypes })
  return {
    reader,
    commit: async (group) => void (await written.commit(group)),
    close: () => reader.close().finally(() => written.close()),
  }
}
