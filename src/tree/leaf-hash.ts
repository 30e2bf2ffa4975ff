import { HASH_BYTES } from './hash.js'
import { readTileHashes } from './read-tiles.js'
import { TILE_WIDTH, type TileReader } from './tiles.js'

/**
 * Returns the leaf hash at a position of a tree, from its tiles.
 *
 * @throws AuditLogError `AUDIT_LOG_CORRUPT` when the tile is missing or too short
 */
export async function leafHashAt(seq: number, reader: TileReader): Promise<Uint8Array> {
  const at = seq % TILE_WIDTH
  const tile = { level: 0, index: (seq - at) / TILE_WIDTH, width: at + 1 }
  const [hashes] = (await readTileHashes([tile], reader)) as [Uint8Array]
  return hashes.slice(at * HASH_BYTES)
}
