import { randomBytes } from 'node:crypto'
import { sha256 } from '../../tree/index.js'
import { encodeComponent } from '../keys.js'

const KEY_BYTES = 16
/** Bytes of a hash. */
const KEYED_HASH_BYTES = 16
const CHECKSUM_BYTES = 16
const MAX_KEPT = 8192

/** Makes the key of a new log. */
export function newHashKey(): Uint8Array {
  return randomBytes(KEY_BYTES)
}

/** Returns a key as it is stored: with a checksum, since nothing else would tell that a bit of it flipped. */
export function encodeHashKey(key: Uint8Array): Buffer {
  return Buffer.concat([key, checksum(key)])
}

/** Returns the key that was stored; `undefined` when the value is none or is damaged. */
export function decodeHashKey(value: Uint8Array): Uint8Array | undefined {
  // Attacker-controlled: a stored value; its length is fixed and it carries a checksum.
  const key = Buffer.from(value.subarray(0, KEY_BYTES))
  const isWhole = value.length === KEY_BYTES + CHECKSUM_BYTES && checksum(key).equals(value.subarray(KEY_BYTES))
  return isWhole ? key : undefined
}

function checksum(key: Uint8Array): Buffer {
  return Buffer.from(sha256(key), 'latin1').subarray(0, CHECKSUM_BYTES)
}

/**
 * Turns names (ids of runs, sessions, tenants …) into the keys under which an index files them. LevelDB repeats keys in
 * its manifest and in its info log, where nothing could remove a name: so that keys hold hashes of names, made with a
 * random key of the log.
 */
export class NameHashes {
  readonly #key: string
  #kept = new Map<string, string>()

  constructor(key: Uint8Array) {
    this.#key = Buffer.from(key).toString('latin1')
  }

  /** Returns the hash of a name as a text of {@link KEYED_HASH_BYTES} characters, one a byte. */
  of(name: string): string {
    const kept = this.#kept.get(name)
    if (kept !== undefined) return kept
    const hash = this.#hash(encodeComponent(name))
    if (this.#kept.size >= MAX_KEPT) this.#kept = new Map()
    this.#kept.set(name, hash)
    return hash
  }

  /** Returns the hash of two names together. */
  ofPair(first: string, second: string): string {
    return this.#hash(encodeComponent(first) + encodeComponent(second))
  }

  #hash(text: string): string {
    return sha256(Buffer.from(this.#key + text, 'latin1')).slice(0, KEYED_HASH_BYTES)
  }
}
