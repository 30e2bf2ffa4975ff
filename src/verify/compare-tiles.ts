import {
  HASH_BYTES,
  hashRange,
  nodesAt,
  sameHash,
  TILE_WIDTH,
  type Tile,
  type TileReader,
  tilePath,
  tileWidth,
} from '../tree/index.js'
import type { Findings } from './findings.js'
import type { LeafBlock } from './leaf-block.js'

/** The tiles of a log that are compared with its entries. */
export interface TileComparison {
  readonly tiles: TileReader
  /** Number of leaves. */
  readonly size: number
  readonly findings: Findings
}

/** Compares the leaf hashes of a block's entries with the tiles of level 0, from which those of removed entries are taken. */
export async function compareLeaves(comparison: TileComparison, block: LeafBlock): Promise<void> {
  const { from, next, hashes } = block
  const { size, findings } = comparison
  const kept = await readWhole(comparison, tilesOf(0, from / TILE_WIDTH, Math.ceil(next / TILE_WIDTH), size))
  for (const [nth, tile] of kept.entries()) {
    const first = from + nth * TILE_WIDTH
    for (let at = 0; tile && at < tile.length / HASH_BYTES; at++) {
      const seq = first + at
      if (block.removed.has(seq)) block.keepHash(seq, hashAt(tile, at))
      if (block.isMissing(seq) || sameHash(hashAt(hashes, seq - from), hashAt(tile, at))) continue
      findings.add('leaf_mismatch', `entry ${seq} and its leaf hash differ`, { from: seq, to: seq + 1 })
    }
  }
}

/** Compares each hash of the tiles above level 0 with the full tile below it. */
export async function compareUpperTiles(comparison: TileComparison): Promise<void> {
  const { tiles, size, findings } = comparison
  for (let level = 1; nodesAt(level, size) > 0; level++) {
    for (const tile of tilesOf(level, 0, Math.ceil(nodesAt(level, size) / TILE_WIDTH), size)) {
      const [hashes] = await readWhole(comparison, [tile])
      if (!hashes) continue
      const node = tile.index * TILE_WIDTH
      const below = await tiles.readTiles(tilesOf(level - 1, node, node + tile.width, size))
      for (const [at, children] of below.entries()) {
        const isWhole = children?.length === TILE_WIDTH * HASH_BYTES
        if (isWhole && sameHash(hashRange(children), hashAt(hashes, at))) continue
        const span = { from: (node + at) * TILE_WIDTH ** level, to: (node + at + 1) * TILE_WIDTH ** level }
        findings.add('tile_altered', `hash ${node + at} of level ${level} is not that of the tile below`, span)
      }
    }
  }
}

function tilesOf(level: number, from: number, to: number, size: number): Tile[] {
  return Array.from({ length: to - from }, (_, at) => {
    return { level, index: from + at, width: tileWidth(level, from + at, size) }
  })
}

/**
 * Returns tiles cut to their widths; `undefined` for one that is not whole, which becomes a finding.
 *
 * Attacker-controlled: tiles of any length; only whole hashes up to the width of the tile are looked at.
 */
async function readWhole(
  { tiles, findings }: TileComparison,
  asked: readonly Tile[],
): Promise<(Uint8Array | undefined)[]> {
  const read = await tiles.readTiles(asked)
  return asked.map(({ level, index, width }, at) => {
    const tile = read[at]
    if (tile && tile.length >= width * HASH_BYTES) return tile.subarray(0, width * HASH_BYTES)
    const path = tilePath(level, index, width)
    findings.add('tile_altered', `${path} ${tile ? `does not hold ${width} hashes` : 'is missing'}`)
    return undefined
  })
}

function hashAt(hashes: Uint8Array, at: number): Uint8Array {
  return hashes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES)
}
