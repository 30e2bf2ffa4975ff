import { emptyRoot, HASH_BYTES, HashRow, hashNode, hashSubtree } from './hash.js'
import { readTileHashes } from './read-tiles.js'
import { partialTiles, TILE_HEIGHT, TILE_WIDTH, type Tile, type TileReader } from './tiles.js'

/** A tile that new leaves made, or made wider. */
export interface GrownTile extends Tile {
  /** All of its hashes, 32 bytes each. Nothing changes these bytes afterwards. */
  readonly hashes: Uint8Array
  /** The number of hashes that it had before: 0 for a new tile. */
  readonly previousWidth: number
}

/** A tree with new leaves: to be stored together with the entries, in one batch. */
export interface TreeGrowth {
  /** The tree with the new leaves. The one it grew from stays as it was, for when the batch fails. */
  readonly frontier: TreeFrontier
  /** The tiles that changed, lowest level first, left to right. */
  readonly tiles: readonly GrownTile[]
}

/**
 * The right edge of an RFC 6962 tree: all that it needs to grow, in O(log size) of memory. Immutable.
 *
 * ```
 *        ●                   peaks ●: the roots of the perfect subtrees, largest first, one for each bit
 *    ┌───┴───┐               that is set in the size (7 = 4 + 2 + 1); together they hash to the root
 *    ○       ○       ●
 *  ┌─┴─┐   ┌─┴─┐   ┌─┴─┐
 *  0   1   2   3   4   5   6 edges: of every 8th level, the hashes of the tile that is not yet full
 * ```
 *
 * A log stores nothing more for it than its size and its tiles, from which {@link TreeFrontier.restore} makes it.
 */
export class TreeFrontier {
  /** A tree without leaves. */
  static readonly empty: TreeFrontier = new TreeFrontier(0, [], [])

  /** Number of leaves. */
  readonly size: number
  /** By level, where the size has that bit. */
  readonly #peaks: readonly (Uint8Array | undefined)[]
  /** By tile level, where there is a partial tile. */
  readonly #edges: readonly (Uint8Array | undefined)[]
  #root: Uint8Array | undefined

  private constructor(
    size: number,
    peaks: readonly (Uint8Array | undefined)[],
    edges: readonly (Uint8Array | undefined)[],
  ) {
    this.size = size
    this.#peaks = peaks
    this.#edges = edges
  }

  /**
   * Reads the frontier of a tree back from its partial tiles. Whether they are that tree's, only its root tells:
   * compare {@link root} with the one that was kept.
   *
   * @throws AuditLogError `AUDIT_LOG_CORRUPT` when a tile is missing or too short
   */
  static async restore(size: number, reader: TileReader): Promise<TreeFrontier> {
    const tiles = partialTiles(size)
    const hashes = await readTileHashes(tiles, reader)
    const peaks: (Uint8Array | undefined)[] = []
    const edges: (Uint8Array | undefined)[] = []
    for (const [at, { level, width }] of tiles.entries()) {
      const edge = new Uint8Array(hashes[at] as Uint8Array)
      edges[level] = edge
      let from = 0
      for (let bit = TILE_HEIGHT - 1; bit >= 0; bit--) {
        const to = from + 2 ** bit
        if (to > width) continue
        peaks[level * TILE_HEIGHT + bit] = hashSubtree(edge.subarray(from * HASH_BYTES, to * HASH_BYTES))
        from = to
      }
    }
    return new TreeFrontier(size, peaks, edges)
  }

  /** The root hash (RFC 6962 section 2.1). */
  get root(): Uint8Array {
    this.#root ??= rootOfPeaks(this.#peaks)
    return this.#root
  }

  /**
   * The tree with these leaves behind its own, and the tiles that change by it. Costs one hash a leaf.
   *
   * @param leafHashes - 32 bytes each: SHA-256(0x00 ‖ entry)
   */
  append(leafHashes: readonly Uint8Array[]): TreeGrowth {
    const peaks = [...this.#peaks]
    const edges = [...this.#edges]
    const tiles: GrownTile[] = []
    // The new nodes of a level stand from slot 1 on; slot 0 is for the peak they join, where there is one.
    const row = new HashRow(1 + leafHashes.length)
    for (let leaf = 0; leaf < leafHashes.length; leaf++) row.put(1 + leaf, leafHashes[leaf] as Uint8Array)

    let before = this.size
    let added = leafHashes.length
    for (let level = 0; added > 0; level++) {
      if (level % TILE_HEIGHT === 0) {
        const tileLevel = level / TILE_HEIGHT
        const grown = growTiles(tileLevel, before, edges[tileLevel], row.view(1, 1 + added))
        tiles.push(...grown)
        edges[tileLevel] = edgeOf(grown)
      }
      const peak = peaks[level]
      if (peak !== undefined) row.put(0, peak)
      const first = peak === undefined ? 1 : 0
      const nodes = 1 + added - first
      const pairs = Math.floor(nodes / 2)
      peaks[level] = nodes % 2 === 1 ? row.get(added) : undefined
      row.hashPairs(first, 1, pairs)
      before = Math.floor(before / 2)
      added = pairs
    }
    return { frontier: new TreeFrontier(this.size + leafHashes.length, peaks, edges), tiles }
  }
}

/**
 * Fills the last tile of a level with new hashes, and as many further tiles as they need.
 *
 * @param before - how many hashes the level had
 * @param edge - those of its partial tile
 * @returns the tiles that changed
 */
function growTiles(level: number, before: number, edge: Uint8Array | undefined, added: Uint8Array): GrownTile[] {
  const tiles: GrownTile[] = []
  let index = Math.floor(before / TILE_WIDTH)
  let previous = edge
  for (let taken = 0; taken < added.length; index++) {
    const previousBytes = previous?.length ?? 0
    const taking = Math.min(TILE_WIDTH * HASH_BYTES - previousBytes, added.length - taken)
    const hashes = new Uint8Array(previousBytes + taking)
    if (previous !== undefined) hashes.set(previous)
    hashes.set(added.subarray(taken, taken + taking), previousBytes)
    taken += taking
    const width = hashes.length / HASH_BYTES
    tiles.push({ level, index, width, hashes, previousWidth: previousBytes / HASH_BYTES })
    previous = width === TILE_WIDTH ? undefined : hashes
  }
  return tiles
}

/** Returns the hashes of the tile that is partial now; `undefined` where the last one is full. */
function edgeOf(grown: readonly GrownTile[]): Uint8Array | undefined {
  const last = grown.at(-1)
  return last && last.width < TILE_WIDTH ? last.hashes : undefined
}

/** The smallest peak is the right end of the root's right edge: each larger one joins from the left. */
function rootOfPeaks(peaks: readonly (Uint8Array | undefined)[]): Uint8Array {
  let root: Uint8Array | undefined
  for (const peak of peaks) {
    if (peak !== undefined) root = root === undefined ? peak : hashNode(peak, root)
  }
  return root ?? emptyRoot()
}
