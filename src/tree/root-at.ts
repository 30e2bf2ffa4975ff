import { emptyRoot } from './hash.js'
import { readRangeHashes } from './read-tiles.js'
import type { TileReader } from './tiles.js'

/**
 * The root that a tree of `treeSize` leaves had when it was of `size`, from its tiles.
 *
 * @throws AuditLogError `AUDIT_LOG_CORRUPT` when a tile is missing or too short
 */
export async function rootAt(size: number, treeSize: number, tiles: TileReader): Promise<Uint8Array> {
  if (!(Number.isSafeInteger(size) && size >= 0 && size <= treeSize)) {
    throw new TypeError(`a tree of ${treeSize} leaves was never of ${size}`)
  }
  if (size === 0) return emptyRoot()
  const [root] = await readRangeHashes([{ from: 0, to: size }], treeSize, tiles)
  return root as Uint8Array
}
