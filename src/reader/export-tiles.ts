import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { AuditLogError } from '../events/errors.js'
import type { ReadableStore } from '../store/readable.js'
import { HASH_BYTES, nodesAt, TILE_WIDTH, type Tile, tilePath, tileWidth } from '../tree/index.js'
import type { SignedHead } from './prove.js'

const REMOVED = new Uint8Array()
/** Tiles that are read in one go. */
const TILES_AT_ONCE = 64

/**
 * Writes what a checkpoint covers as a log of C2SP tlog-tiles: `tile/<level>/…`, `tile/entries/…` (each entry behind its
 * length, 2 bytes big-endian; 0 for one that was removed) and, once all of it is there, `checkpoint`. What an earlier export wrote is completed.
 *
 * @param onEntries - told how many entries have been written
 * @throws AuditLogError `AUDIT_LOG_CORRUPT`; what the file system throws
 */
export async function exportTiles(
  store: ReadableStore,
  { note, size }: SignedHead,
  directory: string,
  onEntries: (written: number) => void = () => {},
): Promise<void> {
  for (let level = 0; nodesAt(level, size) > 0; level++) await writeTiles(store, level, size, directory)
  for (let index = 0; tileWidth(0, index, size) > 0; index++) {
    await writeBundle(store, index, size, directory)
    onEntries(Math.min(size, (index + 1) * TILE_WIDTH))
  }
  await writeBelow(directory, 'checkpoint', Buffer.from(note))
}

async function writeTiles(store: ReadableStore, level: number, size: number, directory: string): Promise<void> {
  const count = Math.ceil(nodesAt(level, size) / TILE_WIDTH)
  for (let from = 0; from < count; from += TILES_AT_ONCE) {
    const tiles = Array.from({ length: Math.min(TILES_AT_ONCE, count - from) }, (_, at): Tile => {
      return { level, index: from + at, width: tileWidth(level, from + at, size) }
    })
    const read = await store.readTiles(tiles)
    for (const [at, { index, width }] of tiles.entries()) {
      const hashes = read[at]
      const path = tilePath(level, index, width)
      if (!hashes || hashes.length < width * HASH_BYTES) throw corrupt(store, `${path} is missing`)
      await writeBelow(directory, path, hashes.subarray(0, width * HASH_BYTES))
    }
  }
}

async function writeBundle(store: ReadableStore, index: number, size: number, directory: string): Promise<void> {
  const from = index * TILE_WIDTH
  const width = tileWidth(0, index, size)
  const kept = new Map<number, Uint8Array>()
  for await (const entries of store.entries({ from, to: from + width, reverse: false })) {
    for (const { seq, bytes } of entries) kept.set(seq, bytes)
  }
  if (kept.size < width && !store.removedEntries) throw corrupt(store, `an entry from ${from} on is missing`)
  const parts: Uint8Array[] = []
  for (let seq = from; seq < from + width; seq++) {
    const bytes = kept.get(seq) ?? REMOVED
    parts.push(Buffer.of(bytes.length >> 8, bytes.length & 0xff), bytes)
  }
  await writeBelow(directory, tilePath('entries', index, width), Buffer.concat(parts))
}

/** Exported events are their owner's alone, as the log is, until the owner publishes them. */
const FILE_MODE = 0o600
const DIRECTORY_MODE = 0o700

/** A file that others may fetch meanwhile is there whole or not at all. */
async function writeBelow(directory: string, path: string, content: Uint8Array): Promise<void> {
  const target = join(directory, path)
  const next = `${target}.next`
  await mkdir(dirname(target), { recursive: true, mode: DIRECTORY_MODE })
  await rm(next, { force: true })
  await writeFile(next, content, { mode: FILE_MODE, flag: 'wx' })
  await rename(next, target)
}

function corrupt(store: ReadableStore, what: string): AuditLogError {
  return new AuditLogError('AUDIT_LOG_CORRUPT', `The audit log ${store.location} is corrupt: ${what}`)
}
