import { HASH_BYTES, type Tile, type TileReader } from '../../../tree/index.js'
import type { Database } from '../database.js'
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
    const range = { gte: tileKey(level, index, 0), lte: tileKey(level, index, width - 1) }
    const parts: Uint8Array[] = []
    let next = 0
    for (const [key, hashes] of await this.#db.iterator(range).all()) {
      if (key.at(-1) !== next) break
      parts.push(hashes)
      next += hashes.length / HASH_BYTES
    }
    return parts.length > 0 ? Buffer.concat(parts) : undefined
  }
}
