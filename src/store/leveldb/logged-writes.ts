import { lastHead } from './entries/head.js'
import { headKey, isHeadKey } from './entries/keys.js'
import type { Database } from './load-level.js'

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

/** The writes that a database must have once it has recovered certain logs: one key of each batch, and the last head. */
export class LoggedWrites {
  readonly #keys = new Map<string, Buffer>()
  #lastHead: { readonly key: Buffer; readonly value: Buffer } | undefined = undefined

  /** Batches are added in the order in which they were written. One that is malformed counts as far as it can be read. */
  add(batch: Buffer): void {
    // Attacker-controlled: a batch of LevelDB's log; reading stops where a length reaches over its end.
    const at = new Cursor(batch)
    let isFirst = true
    while (at.position < batch.length) {
      const kind = batch[at.position++]
      const keyStart = at.skipBytes()
      const keyEnd = at.position
      const valueStart = kind === PUT ? at.skipBytes() : keyEnd
      if ((kind !== PUT && kind !== DELETED) || at.position > batch.length) return
      const key = Buffer.from(batch.subarray(keyStart, keyEnd))
      if (kind === DELETED) {
        this.#keys.delete(key.toString('latin1'))
        continue
      }
      // A later commit may delete a head.
      if (isHeadKey(key)) this.#lastHead = { key, value: Buffer.from(batch.subarray(valueStart, at.position)) }
      else if (isFirst) this.#keys.set(key.toString('latin1'), key)
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
    const expected = this.#lastHead
    if (!expected) return true
    const stored = await lastHead(db)
    return stored !== undefined && expected.key.equals(headKey(stored.size)) && expected.value.equals(stored.value)
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
