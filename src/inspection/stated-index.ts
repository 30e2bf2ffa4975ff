import { StoredTiles } from '../store/leveldb/entries/stored-tiles.js'
import { coveredOf, type IndexedLog } from '../store/leveldb/indexes/database.js'
import type { Database } from '../store/leveldb/load-level.js'
import { damageIn } from './damage.js'
import type { FrozenDatabases, FrozenLog } from './frozen-log.js'
import { hashesFor } from './kept-hashes.js'
import type { StatedHead } from './stated-head.js'

/** The statements of an index about itself. */
export interface StatedIndex {
  /** Number of entries that it covers, and is compared with; `undefined` where readers would not use it either. */
  readonly covered: number | undefined
  /** A sentence about an index that is not there, not used, or behind. */
  readonly remark: string | undefined
}

/**
 * Reads which entries an index covers. It is derived from them: readers use one that belongs to the log as it is, and derive
 * another in place of any other. So what is wrong with one of these is no alteration.
 */
export async function readStatedIndex(
  { entries, index }: FrozenDatabases,
  { indexProblem, location }: FrozenLog,
  { id, size, hashKey, removedEntries }: StatedHead,
): Promise<StatedIndex> {
  if (!index) return { covered: undefined, remark: `the index was not compared: ${indexProblem}` }
  if (id === undefined || hashKey === undefined) {
    return { covered: undefined, remark: 'the index was not compared: the log does not say what it is made with' }
  }
  const covered = await coveredBy(index, entries, { id, size, hashKey, removedEntries, location })
  if (covered === undefined) {
    const remark =
      'the index was not compared: it is of another version or another log, or not of these entries, so that readers derive another'
    return { covered, remark }
  }
  if (covered === size) return { covered, remark: undefined }
  return { covered, remark: `the index covers ${covered} of ${size} entries: readers derive what it lacks` }
}

async function coveredBy(
  index: Database,
  entries: Database,
  {
    hashKey,
    ...log
  }: Pick<IndexedLog, 'id' | 'size' | 'removedEntries' | 'location'> & { readonly hashKey: Uint8Array },
): Promise<number | undefined> {
  try {
    return await coveredOf(index, { ...log, hashes: hashesFor(hashKey), tiles: new StoredTiles(entries) })
  } catch (error) {
    damageIn(error, log.location)
    return undefined
  }
}
