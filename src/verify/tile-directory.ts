import { open, opendir, readFile, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parseCheckpoint, parseNote } from '../checkpoint/index.js'
import { AuditLogError } from '../events/errors.js'
import { HASH_BYTES, TILE_WIDTH, type Tile, type TileReader, tilePath, tileWidth } from '../tree/index.js'
import { compareLeaves, compareUpperTiles } from './compare-tiles.js'
import { Findings } from './findings.js'
import type { LeafBlock } from './leaf-block.js'
import { isAbsent, readFailure } from './read-failure.js'
import { type EntryChunk, scanEntries } from './scan-entries.js'
import type { Inspection, InspectionRequest, KeptCheckpoint, LogSource } from './source.js'

const MAX_CHECKPOINT_BYTES = 1_000_000
const LENGTH_BYTES = 2

/** A log as C2SP tlog-tiles: `checkpoint`, `tile/<level>/…` and `tile/entries/…` below a directory. */
export class TileDirectory implements LogSource, TileReader {
  readonly location: string
  readonly openedAt: number
  readonly checkpoints: readonly KeptCheckpoint[]
  /** A copy for others has no key beside it: what it was signed with is to be known from elsewhere. */
  readonly vkey = undefined
  readonly defaultOrigin = undefined
  readonly statedSize = undefined
  readonly missingCheckpoint = undefined
  /** By its checkpoint. */
  readonly #size: number

  /** Whether a directory looks like one. */
  static async isOne(directory: string): Promise<boolean> {
    try {
      return (await stat(join(directory, 'tile'))).isDirectory()
    } catch (error) {
      if (isAbsent(error)) return false
      throw readFailure(error, directory)
    }
  }

  /** @throws AuditLogError `AUDIT_LOG_OPEN_FAILED` when there is no checkpoint; `AUDIT_NOTE_MALFORMED` */
  static async open(directory: string): Promise<TileDirectory> {
    const location = resolve(directory)
    const openedAt = Date.now()
    const note = await readCheckpoint(join(location, 'checkpoint'))
    return new TileDirectory(location, openedAt, note)
  }

  private constructor(location: string, openedAt: number, note: string) {
    this.location = location
    this.openedAt = openedAt
    this.checkpoints = [{ source: 'the file checkpoint', note }]
    this.#size = statedSize(note)
  }

  async inspect(request: InspectionRequest): Promise<Inspection> {
    const findings = new Findings()
    const size = Math.min(this.#size, await this.#availableSize())
    const comparison = { tiles: this, size, findings }
    const compare = (block: LeafBlock) => compareLeaves(comparison, block)
    const entries = this.#bundles(size, findings)
    const { roots, ...scanned } = await scanEntries(entries, size, request, findings, compare)
    await compareUpperTiles(comparison)
    return { ...scanned, size, rootAt: (at) => roots.rootAt(at), findings: findings.all }
  }

  async close(): Promise<void> {}

  /** A checkpoint may state a size that there are no files for: whoever wrote it would have us look for them for ever. */
  async #availableSize(): Promise<number> {
    return (await countFiles(join(this.location, 'tile', 'entries'))) * TILE_WIDTH
  }

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
    return await readFile(join(this.location, path)).catch((error: NodeJS.ErrnoException) => {
      if (isAbsent(error) || error.code === 'EISDIR') return undefined
      throw error
    })
  }
}

/** Counts what is below a directory, name by name: there may be millions. */
async function countFiles(directory: string): Promise<number> {
  let count = 0
  try {
    for await (const entry of await opendir(directory)) {
      count += entry.isDirectory() ? await countFiles(join(directory, entry.name)) : 1
    }
  } catch (error) {
    if (!isAbsent(error)) throw error
  }
  return count
}

/** @returns `undefined` when the bundle ends within an entry */
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

function statedSize(note: string): number {
  try {
    return Number(parseCheckpoint(parseNote(note).text).size)
  } catch {
    return 0
  }
}

async function readCheckpoint(path: string): Promise<string> {
  try {
    const file = await open(path)
    try {
      const { size } = await file.stat()
      return size > MAX_CHECKPOINT_BYTES ? '' : await file.readFile('utf8')
    } finally {
      await file.close()
    }
  } catch (cause) {
    if (!isAbsent(cause)) throw readFailure(cause, path)
    throw new AuditLogError('AUDIT_LOG_OPEN_FAILED', `There is no checkpoint at ${path}`, { cause })
  }
}
