import type { Database } from './database.js'
import { META_KEY } from './entries/keys.js'
import { getMany } from './get-many.js'

/*
 * A record of LevelDB's own log is a batch, which LevelDB applies whole or not at all. See db/write_batch.cc of
 * https://github.com/google/leveldb
 *
 *   batch   sequence (8) | count (4) | write …
 *   write   1 | length | key | length | value     put
 *           0 | length | key                      deleted
 */

const HEADER_BYTES = 12
const DELETED = 0
const PUT = 1

/** The number of keys to look up in one call. */
const KEYS_AT_ONCE = 1024

/**
 * The writes that a database must have once it has recovered certain logs: one key of each batch, and the last value of
 * each key of the head.
 */
export class LoggedWrites {
  readonly #keys = new Map<string, Buffer>()
  readonly #meta = new Map<string, { readonly key: Buffer; readonly value: Buffer }>()

  /** Batches are added in the order in which they were written. One that is malformed counts as far as it can be read. */
  add(batch: Buffer): void {
    const at = new Cursor(batch)
    let isFirst = true
    while (at.position < batch.length) {
      const kind = batch[at.position++]
      const keyStart = at.skipBytes()
      const keyEnd = at.position
      const valueStart = kind === PUT ? at.skipBytes() : keyEnd
      if ((kind !== PUT && kind !== DELETED) || at.position > batch.length) return
      const isMeta = batch[keyStart] === META_KEY
      if (!isFirst && !isMeta && kind === PUT) continue
      const key = Buffer.from(batch.subarray(keyStart, keyEnd))
      const name = key.toString('latin1')
      if (kind === DELETED) {
        this.#keys.delete(name)
        this.#meta.delete(name)
        continue
      }
      if (isFirst) this.#keys.set(name, key)
      if (isMeta) this.#meta.set(name, { key, value: Buffer.from(batch.subarray(valueStart, at.position)) })
      isFirst = false
    }
  }

  /** @throws what reading the database throws */
  async areIn(db: Database): Promise<boolean> {
    return (await this.haveKeysIn(db)) && (await this.#haveLastWordIn(db))
  }

  /** As {@link areIn}, of a database that may have been written to since. @throws what reading the database throws */
  async haveKeysIn(db: Database): Promise<boolean> {
    const keys = [...this.#keys.values()]
    for (let at = 0; at < keys.length; at += KEYS_AT_ONCE) {
      const found = await db.hasMany(keys.slice(at, at + KEYS_AT_ONCE))
      if (found.includes(false)) return false
    }
    return true
  }

  async #haveLastWordIn(db: Database): Promise<boolean> {
    const expected = [...this.#meta.values()]
    const found = await getMany(
      db,
      expected.map(({ key }) => key),
    )
    return expected.every(({ value }, at) => {
      const stored = found[at]
      return stored !== undefined && value.equals(stored)
    })
  }
}

/** The place of a batch's first write in the sequence of all writes. */
export function sequenceOf(batch: Buffer): number {
  return batch.length < HEADER_BYTES ? 0 : Number(batch.readBigUInt64LE(0))
}

/** A place in a batch. */
class Cursor {
  readonly #batch: Buffer
  position = HEADER_BYTES

  constructor(batch: Buffer) {
    this.#batch = batch
  }

  /** Passes over a length and so many bytes. @returns where the bytes begin */
  skipBytes(): number {
    let length = 0
    for (let unit = 1; ; unit *= 128) {
      const byte = this.#batch[this.position++] ?? 0
      length += (byte & 0x7f) * unit
      if (byte < 0x80) break
    }
    const start = this.position
    this.position += length
    return start
  }
}
