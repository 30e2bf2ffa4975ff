import { HASH_BYTES, type Tile, type TileReader } from '../../../tree/index.js'
import { getMany } from '../get-many.js'
import type { Database } from '../load-level.js'
import { tileKey } from './keys.js'

/**
 * Reads tiles. A commit stores the hashes that it adds to a tile under a key of their own, so that nothing stored is
 * ever written again: a tile is what follows each other of them.
 */
export class StoredTiles implements TileReader {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  readTiles(tiles: readonly Tile[]): Promise<readonly (Uint8Array | undefined)[]> {
    return Promise.all(tiles.map((tile) => this.#read(tile)))
  }

  async #read({ level, index, width }: Tile): Promise<Uint8Array | undefined> {
    // Attacker-controlled: stored hashes; no more are used than the tile is wide, and the root confirms them.
    const first = await this.#db.get(tileKey(level, index, 0))
    if (!first) return undefined
    const found = first.length / HASH_BYTES
    if (found >= width) return first
    // Where the next parts begin, only those before them tell.
    const slots = Array.from({ length: width - found }, (_, at) => found + at)
    const others = await getMany(
      this.#db,
      slots.map((slot) => tileKey(level, index, slot)),
    )
    const parts: Uint8Array[] = [first]
    for (let next = found; next < width; ) {
      const part = others[next - found]
      if (!part) break
      parts.push(part)
      next += part.length / HASH_BYTES
    }
    return Buffer.concat(parts)
  }
}
