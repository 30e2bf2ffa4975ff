import type { Tile, TileReader } from '../../tree/index.js'
import type { Ask } from './server.js'

/** Reads tiles: each is what follows each other of the hashes that commits added to it. */
export class StoredTiles implements TileReader {
  readonly #ask: Ask
  readonly #log: number

  constructor(ask: Ask, log: number) {
    this.#ask = ask
    this.#log = log
  }

  async readTiles(tiles: readonly Tile[]): Promise<readonly (Uint8Array | undefined)[]> {
    if (tiles.length === 0) return []
    const rows = await this.#ask<{ tile: string; hashes: Buffer }>(
      `select asked.tile, stored.hashes
         from unnest($2::smallint[], $3::bigint[], $4::integer[]) with ordinality as asked(level, index, width, tile),
           lateral (select first, hashes from spanledger.tile
             where log = $1 and level = asked.level and index = asked.index and first < asked.width) as stored
         order by asked.tile, stored.first`,
      [this.#log, tiles.map(({ level }) => level), tiles.map(({ index }) => index), tiles.map(({ width }) => width)],
    )
    const parts = tiles.map((): Buffer[] => [])
    for (const { tile, hashes } of rows) parts[Number(tile) - 1]?.push(hashes)
    return parts.map((part) => (part.length > 0 ? Buffer.concat(part) : undefined))
  }
}
