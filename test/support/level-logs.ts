import { afterEach, vi } from 'vitest'
import { levelStore } from '../../src/store/leveldb/index.js'
import { sealedEntries } from '../../src/testing/index.js'
import { changeEntries, type RawDatabase } from './raw-database.js'
import { directory, useTestDirectory } from './test-directory.js'

export { base, directory } from './test-directory.js'

/** Gives each test of a file a directory for its LevelDB logs, and takes back at its end what it spied on. */
export function useLevelLogs(): void {
  useTestDirectory()
  afterEach(() => void vi.restoreAllMocks())
}

/** Changes the database of the entries of the closed log. */
export async function change(changing: (db: RawDatabase) => Promise<void>): Promise<void> {
  await changeEntries(directory, changing)
}

/**
 * Leaves a closed log of three entries behind, changed past the engine's back. They are in a table: LevelDB moves its
 * log there when the database is opened again.
 */
export async function leaveLog(changing: (db: RawDatabase) => Promise<void> = async () => {}): Promise<void> {
  const store = levelStore(directory)
  await store.open()
  await store.commit(sealedEntries(3))
  await store.close()
  await change(changing)
}
