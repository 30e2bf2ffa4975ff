import crypto from 'node:crypto'

/** Length of a SHA-256 hash in bytes. */
export const HASH_BYTES = 32

/** RFC 6962 section 2.1: what a leaf, and what an inner node, is hashed behind, so that one never passes for the other. */
export const LEAF_PREFIX = 0x00
const NODE_PREFIX = 0x01

/** Returns the root of a tree without leaves: SHA-256 of nothing (RFC 6962 section 2.1). */
export function emptyRoot(): Uint8Array {
  return bytesOf(sha256(new Uint8Array()))
}

/** Returns the leaf hash of an entry: SHA-256(0x00 ‖ entry), RFC 6962 section 2.1. */
export function hashLeaf(entry: Uint8Array): Uint8Array {
  return bytesOf(leafDigest(entry))
}

/** {@link hashLeaf} into a place of its own, without an object for it. */
export function writeLeafHash(entry: Uint8Array, target: Buffer, offset: number): void {
  target.write(leafDigest(entry), offset, 'latin1')
}

/**
 * Returns the leaf hash of an entry that stands in a larger memory, from `start`, which is at least 1, to before `end`. It is hashed
 * where it stands, behind a prefix that takes the place of the byte before it meanwhile.
 *
 * @returns the hash as a `binary` string, to be written into a memory: there is no object for it
 */
export function leafDigestIn(memory: Buffer, start: number, end: number): string {
  const before = memory[start - 1] as number
  memory[start - 1] = LEAF_PREFIX
  const digest = sha256(new Uint8Array(memory.buffer, memory.byteOffset + start - 1, end - start + 1))
  memory[start - 1] = before
  return digest
}

function leafDigest(entry: Uint8Array): string {
  const { length } = entry
  const input = length < leafInput.length ? leafInput.subarray(0, 1 + length) : new Uint8Array(1 + length)
  input[0] = LEAF_PREFIX
  input.set(entry, 1)
  return sha256(input)
}

/** Holds most entries while they are hashed. */
const leafInput = new Uint8Array(64 * 1024)

/** The hash of an inner node: SHA-256(0x01 ‖ left ‖ right), RFC 6962 section 2.1. Both children have 32 bytes. */
export function hashNode(left: Uint8Array, right: Uint8Array): Uint8Array {
  nodeInput.set(left, 1)
  nodeInput.set(right, 1 + HASH_BYTES)
  return bytesOf(sha256(nodeInput))
}

/** Neighbouring nodes of one level, hashed pair by pair into the level above without an object for any of them. */
export class HashRow {
  readonly #bytes: Buffer
  readonly #words: Int32Array

  /** @param slots - how many hashes it can hold */
  constructor(slots: number) {
    const memory = new ArrayBuffer(slots * HASH_BYTES)
    this.#bytes = Buffer.from(memory)
    this.#words = new Int32Array(memory)
  }

  /** Puts one hash, or several that follow each other, from this slot on. */
  put(slot: number, hashes: Uint8Array): void {
    this.#bytes.set(hashes, slot * HASH_BYTES)
  }

  /** A copy of one hash. */
  get(slot: number): Uint8Array {
    return new Uint8Array(this.view(slot, slot + 1))
  }

  /** The hashes from one slot to before another, as they are until the next change. */
  view(from: number, to: number): Uint8Array {
    return this.#bytes.subarray(from * HASH_BYTES, to * HASH_BYTES)
  }

  /**
   * Hashes `pairs` pairs that begin at slot `from` into slots `to`, `to + 1` …
   * A parent never lands on what is still to be read: `to` is at most `from + 1`.
   */
  hashPairs(from: number, to: number, pairs: number): void {
    let word = from * WORDS
    let at = to * HASH_BYTES
    for (let pair = 0; pair < pairs; pair++) {
      for (let child = 0; child < 2 * WORDS; child++) childWords[child] = this.#words[word++] as number
      at += this.#bytes.write(sha256(nodeInput), at, 'latin1')
    }
  }
}

/** The hash of the perfect subtree over hashes that follow each other: 1, 2, 4, 8 … of them. */
export function hashSubtree(hashes: Uint8Array): Uint8Array {
  let width = hashes.length / HASH_BYTES
  const row = new HashRow(width)
  row.put(0, hashes)
  for (; width > 1; width /= 2) row.hashPairs(0, 0, width / 2)
  return row.get(0)
}

/**
 * The tree hash of any number of neighbouring nodes of one level (RFC 6962 section 2.1): of all leaf hashes, the root.
 * The last of them may stand for fewer leaves than the others.
 */
export function hashRange(hashes: Uint8Array): Uint8Array {
  let left = hashes.length / HASH_BYTES
  if (left === 0) return emptyRoot()
  const perfect: Uint8Array[] = []
  for (let from = 0; left > 0; ) {
    const width = 2 ** Math.floor(Math.log2(left))
    perfect.push(hashSubtree(hashes.subarray(from * HASH_BYTES, (from + width) * HASH_BYTES)))
    from += width
    left -= width
  }
  return perfect.reduceRight((right, subtree) => hashNode(subtree, right))
}

/** Hashes have the same bytes. */
export function sameHash(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0
}

/** Words of a hash: children are copied word by word, half the time of a copy by bytes. */
const WORDS = HASH_BYTES / Int32Array.BYTES_PER_ELEMENT
/** 0x01 ‖ left ‖ right, the prefix at byte 7 so that the children begin at a word. */
const nodeMemory = new ArrayBuffer(8 + 2 * HASH_BYTES)
const nodeInput = new Uint8Array(nodeMemory, 7)
const childWords = new Int32Array(nodeMemory, 8)
nodeInput[0] = NODE_PREFIX

/**
 * The SHA-256 digest as a `binary` string, which costs a third of what it does as a Buffer. One-shot hashing came with
 * Node 20.12.
 */
export const sha256: (input: Uint8Array) => string =
  typeof crypto.hash === 'function'
    ? (input) => crypto.hash('sha256', input, 'binary')
    : (input) => crypto.createHash('sha256').update(input).digest('binary')

function bytesOf(digest: string): Uint8Array {
  return Buffer.from(digest, 'latin1')
}
