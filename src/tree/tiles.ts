/** Levels of the tree that a tile spans (C2SP tlog-tiles). */
export const TILE_HEIGHT = 8
/** Hashes of a full tile. */
export const TILE_WIDTH = 256

/**
 * A tile of C2SP tlog-tiles: hash `i` of tile `index` at `level` is the tree hash of the leaves from
 * (index · 256 + i) · 256^level on, 256^level of them. A tile with fewer than 256 hashes is partial.
 */
export interface Tile {
  /** 0 holds leaf hashes; each hash of a higher level is that of a full tile of the level below. */
  readonly level: number
  readonly index: number
  /** Number of hashes, 1 to 256. */
  readonly width: number
}

/** Reads the tiles of a tree. */
export interface TileReader {
  /**
   * The hashes of these tiles, 32 bytes each, in this order; `undefined` for a tile that is not there. What is kept may
   * be wider than what is asked for: a tile only ever grows at its end.
   */
  readTiles(tiles: readonly Tile[]): Promise<readonly (Uint8Array | undefined)[]>
}

/** Width of a tile in a tree of `size` leaves: 256 for a full one, 0 or less for one that is not there yet. */
export function tileWidth(level: number, index: number, size: number): number {
  return Math.min(TILE_WIDTH, nodesAt(level, size) - index * TILE_WIDTH)
}

/** Returns the number of hashes that the tiles of a level hold together. */
export function nodesAt(level: number, size: number): number {
  return Math.floor(size / TILE_WIDTH ** level)
}

/** The tiles at the right edge of a tree that are partial, lowest level first: at most one each level. */
export function partialTiles(size: number): Tile[] {
  const tiles: Tile[] = []
  for (let level = 0; nodesAt(level, size) > 0; level++) {
    const nodes = nodesAt(level, size)
    const width = nodes % TILE_WIDTH
    if (width > 0) tiles.push({ level, index: Math.floor(nodes / TILE_WIDTH), width })
  }
  return tiles
}

/**
 * Path of a tile, or of the bundle of entries behind a tile of level 0, below a log's prefix:
 * `tile/0/x001/x234/067`, partial `tile/0/x001/x234/067.p/8`, `tile/entries/x001/x234/067` (C2SP tlog-tiles).
 *
 * @param level - 0 to 63, or `'entries'`
 * @param width - number of hashes or entries, 1 to 256
 * @throws TypeError when one of them is out of bounds
 */
export function tilePath(level: number | 'entries', index: number | bigint, width: number = TILE_WIDTH): string {
  if (level !== 'entries' && !(Number.isInteger(level) && level >= 0 && level <= MAX_LEVEL)) {
    throw new TypeError(`a tile level must be a whole number from 0 to ${MAX_LEVEL}, or 'entries'`)
  }
  if (!(typeof index === 'bigint' || Number.isSafeInteger(index)) || index < 0) {
    throw new TypeError('a tile index must be a whole number, as a BigInt where it is past Number.MAX_SAFE_INTEGER')
  }
  if (!(Number.isInteger(width) && width >= 1 && width <= TILE_WIDTH)) {
    throw new TypeError(`a tile width must be a whole number from 1 to ${TILE_WIDTH}`)
  }
  const digits = String(index)
  const elements = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/\d{3}/g) ?? []
  const encoded = elements.map((element, at) => (at < elements.length - 1 ? `x${element}` : element)).join('/')
  return `tile/${level}/${encoded}${width === TILE_WIDTH ? '' : `.p/${width}`}`
}

const MAX_LEVEL = 63
