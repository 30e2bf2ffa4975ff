import { isMetaKey } from '../keys.js'
import type { Database } from './database.js'
import { getMany } from './head.js'

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

/** How many keys are looked for in one call. */
const KEYS_AT_ONCE = 1024

/** What a database must have once it has recovered certain logs: of each batch one key, and each last word on the head. */
export class LoggedWrites {
  readonly #keys = new Map<string, Buffer>()
  readonly #meta = new Map<string, { readonly key: Buffer; readonly value: Buffer }>()

  /** Batches are added in the order in which they were written. One that is malformed counts as far as it can be read. */
  add(batch: Buffer): void {
    let isFirst = true
    for (const { key, value } of writesOf(batch)) {
      const name = key.toString('latin1')
      if (value === undefined) {
        this.#keys.delete(name)
        this.#meta.delete(name)
        continue
      }
      if (isFirst) this.#keys.set(name, Buffer.from(key))
      if (isMetaKey(key)) this.#meta.set(name, { key: Buffer.from(key), value: Buffer.from(value) })
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

interface Write {
  readonly key: Buffer
  /** `undefined` where the key was deleted. */
  readonly value: Buffer | undefined
}

function* writesOf(batch: Buffer): Generator<Write> {
  let at = HEADER_BYTES
  const bytes = () => {
    let length = 0
    for (let unit = 1; ; unit *= 128) {
      const byte = batch[at++] ?? 0
      length += (byte & 0x7f) * unit
      if (byte < 0x80 || unit > batch.length) break
    }
    at += length
    return batch.subarray(at - length, at)
  }
  while (at < batch.length) {
    const kind = batch[at++]
    if (kind !== PUT && kind !== DELETED) return
    const key = bytes()
    const value = kind === PUT ? bytes() : undefined
    if (at > batch.length) return
    yield { key, value }
  }
}
