import { AuditLogError } from '../events/errors.js'
import { HASH_BYTES, hashNode, sameHash } from './hash.js'

/** A statement to verify: the leaf stands at this position of the tree that has this size and root. */
export interface InclusionClaim {
  /** SHA-256(0x00 ‖ entry). */
  readonly leafHash: Uint8Array
  /** Position of the leaf; as a BigInt where it is past `Number.MAX_SAFE_INTEGER`. */
  readonly index: number | bigint
  /** Number of leaves of the tree. */
  readonly size: number | bigint
  readonly root: Uint8Array
  /** Hashes of 32 bytes, from the leaf's sibling up. */
  readonly proof: readonly Uint8Array[]
}

/** A statement to verify: the tree of `size1` leaves is the beginning of the tree of `size2`. */
export interface ConsistencyClaim {
  /** Number of leaves of the older tree, at least 1; as a BigInt where it is past `Number.MAX_SAFE_INTEGER`. */
  readonly size1: number | bigint
  readonly root1: Uint8Array
  readonly size2: number | bigint
  readonly root2: Uint8Array
  /** Hashes of 32 bytes. */
  readonly proof: readonly Uint8Array[]
}

/**
 * Verifies an inclusion proof (RFC 9162 section 2.1.3.2). Returns when it holds, and throws when it does not.
 *
 * @throws AuditLogError `AUDIT_PROOF_INVALID`
 * @throws TypeError when a size or an index is not a whole number of 64 bits
 */
export function verifyInclusion({ leafHash, index, size, root, proof }: InclusionClaim): void {
  // The leaf's way up, and that of the tree's last leaf: where they meet, what is left is beside the right edge.
  let node = wholeNumber('index', index)
  let last = wholeNumber('size', size) - 1n
  if (node > last) refuse(`leaf ${node} is not in a tree of ${last + 1n} leaves`)
  let hash = hashFrom('the leaf hash', leafHash)
  for (const sibling of hashesOf(proof)) {
    if (last === 0n) refuse('the inclusion proof is too long')
    if (isRight(node) || node === last) {
      hash = hashNode(sibling, hash)
      while (!isRight(node) && node !== 0n) {
        node >>= 1n
        last >>= 1n
      }
    } else {
      hash = hashNode(hash, sibling)
    }
    node >>= 1n
    last >>= 1n
  }
  if (last !== 0n) refuse('the inclusion proof is too short')
  if (!sameHash(hash, root)) refuse('the inclusion proof does not lead to the root')
}

/**
 * Verifies a consistency proof (RFC 9162 section 2.1.4.2). Returns when it holds, and throws when it does not.
 * Every tree begins with the empty one, so a `size1` of 0 would prove nothing and is refused.
 *
 * @throws AuditLogError `AUDIT_PROOF_INVALID`
 * @throws TypeError when a size is not a whole number of 64 bits
 */
export function verifyConsistency({ size1, root1, size2, root2, proof }: ConsistencyClaim): void {
  const older = wholeNumber('size1', size1)
  const newer = wholeNumber('size2', size2)
  if (older === 0n) refuse('nothing can be proved of the empty tree')
  if (older > newer) refuse(`a tree of ${older} leaves is not the beginning of one of ${newer}`)
  const hashes = hashesOf(proof)
  if (older === newer) {
    if (hashes.length > 0) refuse('the consistency proof of a tree with itself must be empty')
    if (!sameHash(root1, root2)) refuse('trees of the same size have different roots')
    return
  }

  let node = older - 1n
  let last = newer - 1n
  while (isRight(node)) {
    node >>= 1n
    last >>= 1n
  }
  // An older tree of a power of two of leaves is a node of the newer one: its root begins the proof without being sent.
  const isPerfect = node === 0n
  const first = isPerfect ? hashFrom('root1', root1) : hashes[0]
  if (first === undefined) refuse('the consistency proof is empty')
  let olderHash = first
  let newerHash = first
  for (const sibling of isPerfect ? hashes : hashes.slice(1)) {
    if (last === 0n) refuse('the consistency proof is too long')
    if (isRight(node) || node === last) {
      olderHash = hashNode(sibling, olderHash)
      newerHash = hashNode(sibling, newerHash)
      while (!isRight(node) && node !== 0n) {
        node >>= 1n
        last >>= 1n
      }
    } else {
      newerHash = hashNode(newerHash, sibling)
    }
    node >>= 1n
    last >>= 1n
  }
  if (last !== 0n) refuse('the consistency proof is too short')
  if (!sameHash(olderHash, root1)) refuse('the consistency proof does not lead to the older root')
  if (!sameHash(newerHash, root2)) refuse('the consistency proof does not lead to the newer root')
}

/** At its level, the node is the right child of its parent. */
function isRight(node: bigint): boolean {
  return (node & 1n) === 1n
}

/** Hashes of another length could be read as other children of the same node. */
function hashesOf(proof: readonly Uint8Array[]): readonly Uint8Array[] {
  // Attacker-controlled: the hashes of a proof; each has 32 bytes, and a proof that is too long is refused.
  const isArray: boolean = Array.isArray(proof)
  if (!isArray) throw new TypeError('a proof must be an array of hashes')
  for (const hash of proof) hashFrom('a hash of the proof', hash)
  return proof
}

function hashFrom(what: string, hash: Uint8Array): Uint8Array {
  if (!(hash instanceof Uint8Array)) throw new TypeError(`${what} must be a Uint8Array`)
  if (hash.length !== HASH_BYTES) refuse(`${what} has ${hash.length} bytes instead of ${HASH_BYTES}`)
  return hash
}

function wholeNumber(name: string, value: number | bigint): bigint {
  if (typeof value === 'bigint' ? value >= 0n && value <= MAX_UINT64 : Number.isSafeInteger(value) && value >= 0) {
    return BigInt(value)
  }
  throw new TypeError(`${name} must be a whole number of 64 bits, as a BigInt where it is past Number.MAX_SAFE_INTEGER`)
}

const MAX_UINT64 = 2n ** 64n - 1n

function refuse(message: string): never {
  throw new AuditLogError('AUDIT_PROOF_INVALID', message)
}
