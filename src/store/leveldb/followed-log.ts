import { rootAt } from '../../tree/index.js'
import type { Walk } from '../contract.js'
import type { Block } from './entries/block.js'
import type { BlockCache } from './entries/block-cache.js'
import type { Head } from './entries/head.js'
import { EntryReads } from './entries/reads.js'
import { StoredTiles } from './entries/stored-tiles.js'
import type { NameHashes } from './hash-key.js'
import type { IndexedLog } from './indexes/database.js'
import type { Database } from './load-level.js'

/** The log that an index follows. */
export interface FollowedLog extends IndexedLog {
  /** Reads the blocks that hold some of these positions, as of now. */
  blocks(walk: Walk): AsyncIterable<readonly Block[]>
  rootAt(size: number): Promise<Uint8Array>
}

/** An open database of entries as it is at one moment. */
export interface LogState {
  readonly db: Database
  readonly head: Head
  readonly hashes: NameHashes
  readonly cache: BlockCache
  readonly location: string
}

/** Returns the log as its index sees it. */
export function followedLog({ db, head, hashes, cache, location }: LogState): FollowedLog {
  const { openBlocks, openPages, removedEntries, tree } = head
  const { size, root } = tree
  const tiles = new StoredTiles(db)
  const reads = new EntryReads({ database: () => db, cache, location }, { size, removedEntries, openBlocks, openPages })
  return {
    id: head.id,
    size,
    removedEntries,
    hashes,
    tiles,
    location,
    blocks: (walk) => reads.blocks(walk),
    rootAt: async (at) => (at === size ? root : await rootAt(at, size, tiles)),
  }
}
