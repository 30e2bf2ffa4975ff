import { closeSync, fstatSync, readSync } from 'node:fs'
import { basename } from 'node:path'
import { openRegularFileSync } from '../../files/regular-file.js'
import { maskedChecksum } from '../crc32c.js'
import { corrupt } from './errors.js'
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

/** Content of a table was read and is wrong; whatever else fails is no damage. */
export class DamagedTable extends Error {}

/** An open table, and how far it is looked through. */
export interface Table {
  readonly descriptor: number
  /** Size of the file. */
  readonly bytes: number
  /**
   * `footer`: the sizes and places that LevelDB trusts when it opens a table, which would lead it out of its memory.
   * `structure`: every block as well, for what LevelDB crashes on; and the checksums of all that a read of one key goes by
   * and a walk over all keys does not: filters, indexes, and data blocks in which a key is searched for.
   * `blocks`: every block and every checksum as well.
   */
  readonly depth: 'footer' | 'structure' | 'blocks'
}

/**
 * Looks at what LevelDB trusts of a table: it takes memory of a size that the table states, and reads at a place that it
 * states, without a look at the file.
 *
 * @throws AuditLogError `AUDIT_LOG_CORRUPT`, `AUDIT_FILE_REFUSED`; what the file system throws
 */
export function requireReadable(path: string, location: string): void {
  const descriptor = openRegularFileSync(path)
  try {
    requireSoundTable({ descriptor, bytes: fstatSync(descriptor).size, depth: 'footer' })
  } catch (error) {
    if (!(error instanceof DamagedTable)) throw error
    throw corrupt(location, `its table ${basename(path)} is damaged: ${error.message}`, error)
  } finally {
    closeSync(descriptor)
  }
}

/** Looks through a table, with one block in memory at a time. @throws DamagedTable; what the file system throws */
export function requireSoundTable(table: Table): void {
  // Attacker-controlled: a table; each block must lie within the file and have at most MAX_BLOCK_BYTES.
  if (table.bytes < FOOTER_BYTES) throw new DamagedTable('it is shorter than a footer')
  const footer = readAt(table, table.bytes - FOOTER_BYTES, FOOTER_BYTES)
  if (!footer.subarray(-MAGIC.length).equals(MAGIC)) throw new DamagedTable('its footer is none')
  const handles = new Cursor(footer)
  for (const [of, minimalKey] of [
    ['meta blocks', 0],
    ['data blocks', KEY_SUFFIX_BYTES],
  ] as const) {
    const handle = handles.handle()
    requireWithin(table, handle, `the index of ${of}`)
    if (table.depth === 'footer') continue
    const index = readBlock(table, handle, { what: `the index of ${of}`, isWalked: false })
    // Nothing of the table can be read then.
    if (!index) throw new DamagedTable(`the index of ${of} cannot be unpacked`)
    // What is unpacked next takes the place of what was unpacked last.
    const handlesOfBlocks: Handle[] = []
    for (const { value } of entriesOf(index, minimalKey, `the index of ${of}`))
      handlesOfBlocks.push(new Cursor(value).handle())
    for (const at of handlesOfBlocks) {
      const what = `the block at ${at.offset}`
      const block = readBlock(table, at, { what, isWalked: of === 'data blocks' })
      if (!block || of !== 'data blocks') continue
      if (table.depth === 'structure') requireKeys(block, minimalKey, what)
      else for (const _ of entriesOf(block, minimalKey, what));
    }
  }
}

interface Handle {
  readonly offset: number
  readonly length: number
}

function requireWithin({ bytes }: Table, { offset, length }: Handle, what: string): void {
  if (offset + length + TRAILER_BYTES <= bytes && length <= MAX_BLOCK_BYTES) return
  throw new DamagedTable(`${what} is not in the file`)
}

/** A block that is read. */
interface BlockRole {
  /** Its name in messages. */
  readonly what: string
  /** A walk over all keys reads all of it, unless it has more places to begin at than its start. */
  readonly isWalked: boolean
}

/** Reads one block of a table. @returns `undefined` for a block of which LevelDB says that it is damaged, where that is enough */
function readBlock(table: Table, { offset, length }: Handle, { what, isWalked }: BlockRole): Buffer | undefined {
  requireWithin(table, { offset, length }, what)
  const block = readAt(table, offset, length + TRAILER_BYTES)
  const contents = unpackedBlock(table, block, what)
  if (table.depth === 'structure' && isWalked && !(contents && isSearched(contents))) return contents
  if (maskedChecksum(block.subarray(0, length + 1)) !== block.readUInt32LE(length + 1)) {
    throw new DamagedTable(`${what} does not have its checksum`)
  }
  return contents
}

/** Tells whether a key is searched for among several places of a block, which are named at its end. */
function isSearched(contents: Buffer): boolean {
  return contents.length >= 4 && contents.readUInt32LE(contents.length - 4) !== 1
}

/** @param block - with its trailer */
function unpackedBlock(table: Table, block: Buffer, what: string): Buffer | undefined {
  const length = block.length - TRAILER_BYTES
  const contents = block.subarray(0, length)
  if (block[length] === UNCOMPRESSED) return contents
  const unpacked = block[length] === SNAPPY ? unpackSnappy(contents, scratch) : undefined
  if (!unpacked && table.depth === 'structure' && !isTooLong(block, length)) return undefined
  if (!unpacked) throw new DamagedTable(`${what} cannot be unpacked`)
  return Buffer.from(unpacked.buffer, unpacked.byteOffset, unpacked.length)
}

/** Returns whether a packed block states that more comes of it than fits into memory: LevelDB believes that. */
function isTooLong(block: Buffer, length: number): boolean {
  return block[length] === SNAPPY && new Cursor(block).varint() > MAX_BLOCK_BYTES
}

/** Holds a block while it is looked through: nearly all fit. */
const scratch = new Uint8Array(256 * 1024)

/**
 * Looks at the lengths of the keys of a block. LevelDB stops at an entry that cannot be; but of a key it takes the last bytes
 * for a number, and where there are none it reads, or takes memory, far beyond.
 *
 * @throws DamagedTable when a key is shorter than that
 */
function requireKeys(block: Buffer, minimalKey: number, what: string): void {
  const end = block.length < 4 ? -1 : block.length - 4 * (1 + block.readUInt32LE(block.length - 4))
  let keyLength = 0
  for (let at = 0; at < end; ) {
    const lengths = [0, 0, 0]
    for (let n = 0; n < 3; n++) {
      for (let unit = 1; ; unit *= 128) {
        const byte = block[at++] ?? 0
        lengths[n] = (lengths[n] as number) + (byte & 0x7f) * unit
        if (byte < 0x80) break
        if (unit > 2 ** 28) return
      }
    }
    const [shared, unshared, length] = lengths as [number, number, number]
    if (shared > keyLength || at + unshared + length > end) return
    keyLength = shared + unshared
    if (keyLength < minimalKey) throw new DamagedTable(`${what} has a key that cannot be`)
    at += unshared + length
  }
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
  if (end < 0) throw new DamagedTable(`${what} has no end`)
  const cursor = new Cursor(block.subarray(0, end))
  for (let keyLength = 0; !cursor.ended; ) {
    const [shared, unshared, length] = [cursor.varint(), cursor.varint(), cursor.varint()]
    if (shared > keyLength || shared + unshared < minimalKey) throw new DamagedTable(`${what} has a key that cannot be`)
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
    if (this.#at + length > this.#bytes.length) throw new DamagedTable('it ends within a record')
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
    throw new DamagedTable('it has a number that is too large')
  }

  handle(): Handle {
    return { offset: this.varint(), length: this.varint() }
  }
}

function readAt({ descriptor }: Table, position: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  if (readSync(descriptor, bytes, 0, length, position) < length) throw new DamagedTable('it ends within a block')
  return bytes
}
