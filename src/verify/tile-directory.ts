import type { Stats } from 'node:fs'
import { lstat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { MAX_NOTE_BYTES, parseCheckpoint, parseNote } from '../checkpoint/index.js'
import { AuditLogError } from '../events/errors.js'
import { filesBelow } from '../files/log-directory.js'
import { readRegularFile, requireDirectory, requireRegular } from '../files/regular-file.js'
import { HASH_BYTES, TILE_WIDTH, type Tile, type TileReader, tilePath, tileWidth } from '../tree/index.js'
import { compareLeaves, compareUpperTiles } from './compare-tiles.js'
import { Findings } from './findings.js'
import type { LeafBlock } from './leaf-block.js'
import { isAbsent, readFailure } from './read-failure.js'
import { type EntryChunk, scanEntries } from './scan-entries.js'
import type { FoundCheckpoint, Inspection, InspectionRequest, LogSource } from './source.js'

const LENGTH_BYTES = 2
const MAX_ENTRY_BYTES = 0xffff
/** A bundle has 256 entries, each behind its length; a tile is smaller. */
const MAX_TILE_BYTES = TILE_WIDTH * (LENGTH_BYTES + MAX_ENTRY_BYTES)

/** A log in a directory of C2SP tlog-tiles: `checkpoint`, `tile/<level>/…` and `tile/entries/…` below a directory. */
export class TileDirectory implements LogSource, TileReader {
  readonly location: string
  readonly openedAt: number
  readonly checkpoints: readonly FoundCheckpoint[]
  /** A copy for others has no key beside it: what it was signed with is to be known from elsewhere. */
  readonly vkey = undefined
  readonly defaultOrigin = undefined
  readonly statedSize = undefined
  readonly missingCheckpoint = undefined
  /** The size that the checkpoint states, as far as there are bundles. */
  readonly #size: number

  /** Returns whether a directory looks like one. */
  static async isAt(directory: string): Promise<boolean> {
    try {
      await lstat(join(directory, 'tile'))
      return true
    } catch (error) {
      if (isAbsent(error)) return false
      throw readFailure(error, directory)
    }
  }

  /** @throws AuditLogError `AUDIT_OPEN_FAILED` when there is no checkpoint; `AUDIT_NOTE_INVALID`; `AUDIT_FILE_REFUSED` */
  static async open(directory: string): Promise<TileDirectory> {
    const location = resolve(directory)
    const openedAt = Date.now()
    const note = await readCheckpoint(join(location, 'checkpoint'))
    return new TileDirectory(location, { openedAt, note, bundles: await countBundles(location) })
  }

  private constructor(
    location: string,
    { openedAt, note, bundles }: { readonly openedAt: number; readonly note: string; readonly bundles: number },
  ) {
    this.location = location
    this.openedAt = openedAt
    this.checkpoints = [{ source: 'the file checkpoint', note }]
    // It may state a size that there are no files for: whoever wrote it would have us look for them for ever.
    this.#size = Math.min(statedSize(note), bundles * TILE_WIDTH)
  }

  async inspect(request: InspectionRequest): Promise<Inspection> {
    const findings = new Findings()
    const size = this.#size
    const comparison = { tiles: this, size, findings }
    const compareBlock = (block: LeafBlock) => compareLeaves(comparison, block)
    const entries = this.#bundles(size, findings)
    const { roots, ...scanned } = await scanEntries(entries, { size, request, findings, compareBlock })
    await compareUpperTiles(comparison)
    return { ...scanned, size, rootAt: (at) => roots.rootAt(at), findings: findings.all }
  }

  async close(): Promise<void> {}

  async *#bundles(size: number, findings: Findings): AsyncGenerator<EntryChunk> {
    for (let index = 0; index * TILE_WIDTH < size; index++) {
      const from = index * TILE_WIDTH
      const width = tileWidth(0, index, size)
      const path = tilePath('entries', index, width)
      const bundle = await this.#read(path)
      if (!bundle) continue
      const entries = entriesOf(bundle)
      if (!entries || entries.length !== width) {
        findings.add('entry_unreadable', `${path} does not hold ${width} entries`, { from, to: from + width })
      }
      yield { from, entries: (entries ?? []).slice(0, width) }
    }
  }

  async readTiles(tiles: readonly Tile[]): Promise<readonly (Uint8Array | undefined)[]> {
    return await Promise.all(
      tiles.map(async ({ level, index, width }) => {
        const tile = await this.#read(tilePath(level, index, width))
        // A file has the width that its name says: what is longer is none.
        return tile && tile.length > width * HASH_BYTES ? new Uint8Array() : tile
      }),
    )
  }

  async #read(path: string): Promise<Buffer | undefined> {
    return await readRegularFile(join(this.location, path), MAX_TILE_BYTES).catch((error: unknown) => {
      if (isAbsent(error)) return undefined
      throw error
    })
  }
}

/**
 * Attacker-controlled: a bundle of entries of at most MAX_TILE_BYTES; no length in it leads past its end.
 *
 * @returns `undefined` when the bundle ends within an entry
 */
function entriesOf(bundle: Buffer): readonly Uint8Array[] | undefined {
  const entries: Uint8Array[] = []
  for (let at = 0; at < bundle.length; ) {
    if (at + LENGTH_BYTES > bundle.length) return undefined
    const end = at + LENGTH_BYTES + bundle.readUInt16BE(at)
    if (end > bundle.length) return undefined
    entries.push(bundle.subarray(at + LENGTH_BYTES, end))
    at = end
  }
  return entries
}

// Attacker-controlled: the size is any number of 64 bits; the caller bounds it by the files that are there.
function statedSize(note: string): number {
  try {
    return Number(parseCheckpoint(parseNote(note).text).size)
  } catch {
    return 0
  }
}

/** Goes through all names first: nothing else than files and directories is below `tile`. */
async function countBundles(location: string): Promise<number> {
  const tiles = join(location, 'tile')
  const found = await statIfThere(tiles)
  if (!found) return 0
  requireDirectory(found, tiles)
  let bundles = 0
  for await (const path of filesBelow(tiles, requireRegular)) if (path.startsWith('entries')) bundles++
  return bundles
}

async function statIfThere(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path)
  } catch (cause) {
    if (!isAbsent(cause)) throw readFailure(cause, path)
    return undefined
  }
}

async function readCheckpoint(path: string): Promise<string> {
  try {
    return (await readRegularFile(path, MAX_NOTE_BYTES)).toString()
  } catch (cause) {
    if (!isAbsent(cause)) throw readFailure(cause, path)
    throw new AuditLogError('AUDIT_OPEN_FAILED', `There is no checkpoint at ${path}`, { cause })
  }
}
