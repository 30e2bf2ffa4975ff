import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { openRegularFile } from '../files/regular-file.js'
import { maskedChecksum } from '../store/leveldb/crc32c.js'
import { readCurrent, readManifest } from '../store/leveldb/snapshot-files.js'
import { unpackSnappy } from './snappy.js'

/*
 * LevelDB checks neither checksums nor bounds wherever it reads a table, and crashes on some damage. Here the tables are
 * read without it: https://github.com/google/leveldb/blob/main/doc/table_format.md
 *
 *   data block … | meta block … | index of meta blocks | index of data blocks | footer (48)
 *   block    contents | compression (1) | masked CRC-32C of both (4)
 *   footer   handle of the index of meta blocks | handle of the index of data blocks | padding | magic number (8)
 *   handle   varint offset | varint length
 */

const FOOTER_BYTES = 48
const MAGIC = Buffer.from('57fb808b247547db', 'hex')
const TRAILER_BYTES = 5
/** Far more than a block of a log has: 8 KiB and a record. */
const MAX_BLOCK_BYTES = 64 * 2 ** 20
const UNCOMPRESSED = 0
const SNAPPY = 1
/** Behind each key of a table: sequence number and type. */
const KEY_SUFFIX_BYTES = 8

/** Tells that content was read and is wrong; whatever else fails is no damage. */
class Damaged extends Error {}

/**
 * Looks for what is wrong with the tables of a log's database, one block in memory at a time.
 *
 * @param directory - of the log
 * @returns what is wrong with the first one that is damaged, in words; `undefined` when all are sound
 * @throws what the file system throws
 */
export async function findTableDamage(directory: string): Promise<string | undefined> {
  const database = join(directory, 'db')
  const { manifest } = await readManifest(join(database, await readCurrent(database, directory)), directory)
  for (const { number } of manifest.tables) {
    const name = `${String(number).padStart(6, '0')}.ldb`
    const damage = await damageOf(join(database, name))
    if (damage !== undefined) return `its table ${name} is damaged: ${damage}`
  }
  return undefined
}

async function damageOf(path: string): Promise<string | undefined> {
  const file = await openRegularFile(path).catch((error: NodeJS.ErrnoException) => {
    // A writer has replaced it meanwhile.
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (!file) return undefined
  try {
    const stats = await file.stat()
    if (stats.isFile()) await checkTable(file, stats.size)
    return undefined
  } catch (error) {
    if (error instanceof Damaged) return error.message
    throw error
  } finally {
    await file.close()
  }
}

async function checkTable(file: FileHandle, size: number): Promise<void> {
  if (size < FOOTER_BYTES) throw new Damaged('it is shorter than a footer')
  const footer = await readAt(file, size - FOOTER_BYTES, FOOTER_BYTES)
  if (!footer.subarray(-MAGIC.length).equals(MAGIC)) throw new Damaged('its footer is none')
  const handles = new Cursor(footer)
  for (const [of, minimalKey] of [
    ['meta blocks', 0],
    ['data blocks', KEY_SUFFIX_BYTES],
  ] as const) {
    const index = await readBlock(file, size, handles.handle(), `the index of ${of}`)
    for (const { value } of entriesOf(index, minimalKey, `the index of ${of}`)) {
      const handle = new Cursor(value).handle()
      const what = `the block at ${handle.offset}`
      const block = await readBlock(file, size, handle, what)
      if (of === 'meta blocks') continue
      for (const _ of entriesOf(block, minimalKey, what));
    }
  }
}

interface Handle {
  readonly offset: number
  readonly length: number
}

async function readBlock(file: FileHandle, size: number, { offset, length }: Handle, what: string): Promise<Buffer> {
  if (offset + length + TRAILER_BYTES > size || length > MAX_BLOCK_BYTES)
    throw new Damaged(`${what} is not in the file`)
  const block = await readAt(file, offset, length + TRAILER_BYTES)
  if (maskedChecksum(block.subarray(0, length + 1)) !== block.readUInt32LE(length + 1)) {
    throw new Damaged(`${what} does not have its checksum`)
  }
  const contents = block.subarray(0, length)
  if (block[length] === UNCOMPRESSED) return contents
  const unpacked = block[length] === SNAPPY ? unpackSnappy(contents) : undefined
  if (!unpacked) throw new Damaged(`${what} cannot be unpacked`)
  return Buffer.from(unpacked.buffer)
}

interface BlockEntry {
  readonly value: Buffer
}

/**
 * Entries of a block, each of which shares the beginning of its key with the one before it:
 *
 *   varint shared | varint unshared | varint length | rest of the key | value   …   restart (4) … | restarts (4)
 */
function* entriesOf(block: Buffer, minimalKey: number, what: string): Generator<BlockEntry> {
  const end = block.length < 4 ? -1 : block.length - 4 * (1 + block.readUInt32LE(block.length - 4))
  if (end < 0) throw new Damaged(`${what} has no end`)
  const cursor = new Cursor(block.subarray(0, end))
  for (let keyLength = 0; !cursor.ended; ) {
    const [shared, unshared, length] = [cursor.varint(), cursor.varint(), cursor.varint()]
    if (shared > keyLength || shared + unshared < minimalKey) throw new Damaged(`${what} has a key that cannot be`)
    keyLength = shared + unshared
    cursor.bytes(unshared)
    yield { value: cursor.bytes(length) }
  }
}

/** Reads on in some bytes; where they end early, they are damaged. */
class Cursor {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get ended(): boolean {
    return this.#at >= this.#bytes.length
  }

  bytes(length: number): Buffer {
    if (this.#at + length > this.#bytes.length) throw new Damaged('it ends within a record')
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  varint(): number {
    let value = 0
    for (let unit = 1; unit < 2 ** 56; unit *= 128) {
      const byte = this.bytes(1)[0] as number
      value += (byte & 0x7f) * unit
      if (byte < 0x80) return value
    }
    throw new Damaged('it has a number that is too large')
  }

  handle(): Handle {
    return { offset: this.varint(), length: this.varint() }
  }
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position)
  if (bytesRead < length) throw new Damaged('it ends within a block')
  return buffer
}
