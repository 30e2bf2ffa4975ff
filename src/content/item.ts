import { createCipheriv, createDecipheriv, randomFillSync } from 'node:crypto'
import { AuditLogError } from '../events/errors.js'
import { HASH_BYTES } from '../tree/index.js'
import type { ContentBinding, ContentValueBytes } from './contract.js'

/*
 * A sealed item:
 *
 *   │ version 1 │ kind 1 │ length of recordedIn 1 │ recordedIn │ key id 16 │ nonce 12 │ ciphertext │ tag 16 │
 *
 * AES-256-GCM (NIST SP 800-38D). Its associated data are the bytes in front of the nonce, the leaf hash of the entry and the
 * field: an item fits no other entry, field or log.
 */

const VERSION = 1
const KINDS = ['json', 'text'] as const
export const KEY_ID_BYTES = 16
const NONCE_BYTES = 12
const TAG_BYTES = 16
const FIXED_BYTES = 3
const MAX_RECORDED_IN_BYTES = 64
const ALGORITHM = 'aes-256-gcm'

/** The parts of an item that lie open. */
export interface ItemHead {
  readonly kind: ContentValueBytes['kind']
  readonly recordedIn: string
  /** Id of the key that it is encrypted with. */
  readonly keyId: string
}

/** A key as items are sealed with it. */
export interface ItemKey {
  /** 32 hexadecimal digits. */
  readonly id: string
  /** 32 bytes. */
  readonly secret: Uint8Array
}

/** Seals a value for one field of one entry. */
export function sealItem(
  { bytes, kind }: ContentValueBytes,
  { id, secret }: ItemKey,
  binding: ContentBinding,
): Uint8Array {
  const headBytes = FIXED_BYTES + binding.recordedIn.length + KEY_ID_BYTES
  const sealed = Buffer.allocUnsafe(headBytes + NONCE_BYTES + bytes.length + TAG_BYTES)
  sealed[0] = VERSION
  sealed[1] = KINDS.indexOf(kind)
  sealed[2] = binding.recordedIn.length
  sealed.write(binding.recordedIn, FIXED_BYTES, 'latin1')
  sealed.write(id, headBytes - KEY_ID_BYTES, 'hex')
  const nonce = sealed.subarray(headBytes, headBytes + NONCE_BYTES)
  nextNonce(nonce)
  const cipher = createCipheriv(ALGORITHM, secret, nonce)
  cipher.setAAD(associatedData(sealed.subarray(0, headBytes), binding))
  sealed.set(cipher.update(bytes), headBytes + NONCE_BYTES)
  cipher.final()
  sealed.set(cipher.getAuthTag(), sealed.length - TAG_BYTES)
  return sealed
}

/** Reads what lies open of an item; `undefined` where it is none. */
export function itemHead(sealed: Uint8Array): ItemHead | undefined {
  // Attacker-controlled: a stored item; its lengths are checked, and nothing of it is trusted before it is decrypted.
  const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.length)
  const kind = KINDS[bytes[1] ?? KINDS.length]
  const length = bytes[2] ?? 0
  const headBytes = FIXED_BYTES + length + KEY_ID_BYTES
  if (bytes[0] !== VERSION || kind === undefined || length === 0 || length > MAX_RECORDED_IN_BYTES) return undefined
  if (bytes.length < headBytes + NONCE_BYTES + TAG_BYTES) return undefined
  const recordedIn = bytes.toString('latin1', FIXED_BYTES, FIXED_BYTES + length)
  return { kind, recordedIn, keyId: bytes.toString('hex', headBytes - KEY_ID_BYTES, headBytes) }
}

/** Tells whether an item has the form of one of a key, and the size of a value. Whether it opens only the key can tell. */
export function isItemOf(sealed: Uint8Array, keyId: string, valueBytes: number): boolean {
  const head = itemHead(sealed)
  if (head?.keyId !== keyId) return false
  return sealed.length === FIXED_BYTES + head.recordedIn.length + KEY_ID_BYTES + NONCE_BYTES + valueBytes + TAG_BYTES
}

/** Opens an item. @throws AuditLogError `AUDIT_CONTENT_UNREADABLE` when it fits neither the key nor the entry and the field */
export function openItem(
  sealed: Uint8Array,
  { id, secret }: ItemKey,
  binding: Omit<ContentBinding, 'recordedIn'>,
): ContentValueBytes {
  const head = itemHead(sealed)
  if (head?.keyId !== id) throw unreadable(binding.field)
  const headBytes = FIXED_BYTES + head.recordedIn.length + KEY_ID_BYTES
  const tagAt = sealed.length - TAG_BYTES
  try {
    const decipher = createDecipheriv(ALGORITHM, secret, sealed.subarray(headBytes, headBytes + NONCE_BYTES))
    decipher.setAAD(associatedData(sealed.subarray(0, headBytes), binding))
    decipher.setAuthTag(sealed.subarray(tagAt))
    const bytes = decipher.update(sealed.subarray(headBytes + NONCE_BYTES, tagAt))
    decipher.final()
    return { bytes, kind: head.kind }
  } catch (cause) {
    throw unreadable(binding.field, cause)
  }
}

function associatedData(head: Uint8Array, { leafHash, field }: Omit<ContentBinding, 'recordedIn'>): Buffer {
  const data = Buffer.allocUnsafe(head.length + HASH_BYTES + Buffer.byteLength(field))
  data.set(head)
  data.set(leafHash, head.length)
  data.write(field, head.length + HASH_BYTES, 'utf8')
  return data
}

function unreadable(field: string, cause?: unknown): AuditLogError {
  const message = `The content item of ${JSON.stringify(field)} does not fit its entry, or its key: one of them was altered`
  return new AuditLogError('AUDIT_CONTENT_UNREADABLE', message, { cause })
}

/** Random bytes in store: asking for twelve at a time costs more than encrypting with them. */
const pool = Buffer.alloc(512 * NONCE_BYTES)
let used = pool.length

function nextNonce(target: Uint8Array): void {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  target.set(pool.subarray(used, used + NONCE_BYTES))
  used += NONCE_BYTES
}
