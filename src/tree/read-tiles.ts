import { AuditLogError } from '../events/errors.js'
import { HASH_BYTES, hashNode, hashSubtree } from './hash.js'
import { TILE_HEIGHT, TILE_WIDTH, type Tile, type TileReader, tilePath, tileWidth } from './tiles.js'

/** Leaves from one to before another. `from` is a multiple of the smallest power of two that is not less than `to - from`. */
export interface LeafRange {
  readonly from: number
  readonly to: number
}

/** The hashes of these tiles, exactly as many as each is wide. */
export async function readTileHashes(tiles: readonly Tile[], reader: TileReader): Promise<Uint8Array[]> {
  // Attacker-controlled: hashes of tiles; exactly as many as a tile is wide are used, and a root has to confirm them.
  const read = tiles.length === 0 ? [] : await reader.readTiles(tiles)
  return tiles.map(({ level, index, width }, at) => {
    const hashes = read[at]
    if (hashes !== undefined && hashes.length >= width * HASH_BYTES) return hashes.subarray(0, width * HASH_BYTES)
    throw new AuditLogError(
      'AUDIT_LOG_CORRUPT',
      `${tilePath(level, index, width)} is ${hashes === undefined ? 'missing' : 'too short'}`,
    )
  })
}

/**
 * The tree hash of each range of leaves of a tree of `size` leaves, from its tiles, all of which are read at once.
 *
 * @throws AuditLogError `AUDIT_LOG_CORRUPT` when a tile is missing or too short
 */
export async function readRangeHashes(
  ranges: readonly LeafRange[],
  size: number,
  reader: TileReader,
): Promise<Uint8Array[]> {
  const wanted = ranges.map((range) => perfectSubtrees(range).map((subtree) => tileOf(subtree, size)))
  const tiles = new Map(wanted.flat().map(({ tile }) => [tilePath(tile.level, tile.index), tile]))
  const read = await readTileHashes([...tiles.values()], reader)
  const hashesOf = new Map([...tiles.keys()].map((path, at) => [path, read[at] as Uint8Array]))
  return wanted.map((parts) =>
    parts
      .map(({ tile, from, to }) => {
        const hashes = hashesOf.get(tilePath(tile.level, tile.index)) as Uint8Array
        return hashSubtree(hashes.subarray(from * HASH_BYTES, to * HASH_BYTES))
      })
      .reduceRight((right, left) => hashNode(left, right)),
  )
}

/** The root of the subtree over the 2^level leaves from index · 2^level on. */
interface PerfectSubtree {
  readonly level: number
  readonly index: number
}

/** The perfect subtrees that a range consists of, largest first: one for each bit of its length. */
function perfectSubtrees({ from, to }: LeafRange): PerfectSubtree[] {
  const subtrees: PerfectSubtree[] = []
  let leaves = 1
  let level = 0
  for (; leaves * 2 <= to - from; leaves *= 2) level++
  for (let next = from; next < to; leaves /= 2, level--) {
    if (next + leaves > to) continue
    subtrees.push({ level, index: next / leaves })
    next += leaves
  }
  return subtrees
}

/** The tile, as it is in a tree of `size` leaves, and which of its hashes lie under the subtree. */
function tileOf({ level, index }: PerfectSubtree, size: number) {
  const tileLevel = Math.floor(level / TILE_HEIGHT)
  const width = 2 ** (level % TILE_HEIGHT)
  const tileIndex = Math.floor((index * width) / TILE_WIDTH)
  const from = index * width - tileIndex * TILE_WIDTH
  const tile: Tile = { level: tileLevel, index: tileIndex, width: tileWidth(tileLevel, tileIndex, size) }
  return { tile, from, to: from + width }
}
