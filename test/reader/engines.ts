import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createReader } from '../../src/reader/index.js'
import type { AuditStore, SealedEntry } from '../../src/store/contract.js'
import { levelStore } from '../../src/store/leveldb/index.js'
import { SnapshotStore } from '../../src/store/leveldb/snapshot-store.js'
import { memoryStore } from '../../src/store/memory/index.js'
import type { GrowingLog } from './growing-log.js'
import { filled } from './reader-of.js'

/** Everything that a reader can read from. */
export type EngineName = 'memory' | 'LevelDB' | 'a snapshot of LevelDB' | 'PostgreSQL'

/** Those of the engines that can be tested here: PostgreSQL where test/postgres/vitest.config.ts has started a server. */
export function enginesHere<T extends { readonly name: EngineName }>(engines: readonly T[]): readonly T[] {
  const hasServer = process.env.SPANLEDGER_TEST_ENGINE === 'PostgreSQL'
  return engines.filter(({ name }) => (name === 'PostgreSQL') === hasServer)
}

/** Opens a new log of these groups; types of its own may be asked for. */
export async function growingLog(
  engine: EngineName,
  groups: readonly (readonly SealedEntry[])[],
  eventTypes: readonly string[] = [],
): Promise<GrowingLog> {
  if (engine === 'PostgreSQL') {
    const { postgresLog } = await import('../postgres/support/growing-log.js')
    return await postgresLog(groups, eventTypes)
  }
  if (engine === 'memory') return await grownIn(memoryStore(), groups, eventTypes)
  const directory = await mkdtemp(join(tmpdir(), 'spanledger-reader-'))
  const remove = () => rm(directory, { recursive: true })
  const log = await grownIn(levelStore(directory), groups, eventTypes)
  const close = () => log.close().finally(remove)
  if (engine === 'LevelDB') return { ...log, close }
  const snapshot = await SnapshotStore.open(directory)
  const reader = createReader(snapshot, { barrier: () => snapshot.refresh(), eventTypes })
  return { ...log, reader, close: () => snapshot.close().finally(close) }
}

async function grownIn(
  store: AuditStore,
  groups: readonly (readonly SealedEntry[])[],
  eventTypes: readonly string[],
): Promise<GrowingLog> {
  await filled(store, groups)
  return {
    reader: createReader(store, { barrier: async () => {}, eventTypes }),
    commit: async (group) => void (await store.commit(group)),
    close: () => store.close(),
  }
}
