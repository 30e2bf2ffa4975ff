import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import { AuditLogError } from '../events/errors.js'
import { decodeBase64, encodeBase64 } from './encoding.js'

/** Signature types that C2SP signed-note assigns: the byte in front of a public key. */
export const SIGNATURE_TYPES = {
  /** Ed25519 over the note's text. */
  ed25519: 0x01,
  /** Timestamped Ed25519 cosignature of a checkpoint (C2SP tlog-cosignature). */
  cosignature: 0x04,
} as const

export type SignatureType = (typeof SIGNATURE_TYPES)[keyof typeof SIGNATURE_TYPES]

/** The public half of a key that signs notes. */
export interface NoteKey {
  /** Non-empty, without spaces and plus signs; by recommendation a URL without its scheme. */
  readonly name: string
  /** The signature format that the key is used for. */
  readonly type: SignatureType
  /** The 32 bytes of an Ed25519 public key (RFC 8032). */
  readonly publicKey: Uint8Array
}

const ED25519_BYTES = 32
const VKEY = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/

/** A name that a key may have in a note: non-empty, without spaces, plus signs and control characters. */
export function isKeyName(name: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a note must not contain them
  return name !== '' && name.isWellFormed() && !/[\p{White_Space}+\u0000-\u001f]/u.test(name)
}

/** SHA-256(name ‖ "\n" ‖ signature type ‖ public key), the first four bytes (C2SP signed-note). */
export function keyIdOf({ name, type, publicKey }: NoteKey): number {
  return createHash('sha256').update(`${name}\n`).update(Uint8Array.of(type)).update(publicKey).digest().readUInt32BE(0)
}

/** Returns a key id as texts have it: eight lowercase hexadecimal digits. */
export function hexKeyId(keyId: number): string {
  return keyId.toString(16).padStart(8, '0')
}

/** The key as text, for those who verify: `name+key id+base64(type ‖ public key)` (C2SP signed-note, "vkey"). */
export function formatVkey(key: NoteKey): string {
  const material = Buffer.concat([Uint8Array.of(key.type), key.publicKey])
  return `${key.name}+${hexKeyId(keyIdOf(key))}+${encodeBase64(material)}`
}

/**
 * Parses a vkey.
 *
 * Attacker-controlled: a vkey beside the log or in an entry; the key id must be that of the key, which has 32 bytes.
 *
 * @throws AuditLogError `AUDIT_KEY_INVALID` when it is malformed, its key id is not its own, or its type is neither
 * Ed25519 (0x01) nor an Ed25519 cosignature (0x04)
 */
export function parseVkey(vkey: string): NoteKey {
  const [, name = '', id, base64 = ''] = VKEY.exec(vkey) ?? []
  const material = decodeBase64(base64)
  if (!isKeyName(name) || material === undefined) {
    throw new AuditLogError('AUDIT_KEY_INVALID', 'the vkey is malformed: it must be name+key id+base64')
  }
  const type = Object.values(SIGNATURE_TYPES).find((known) => known === material[0])
  if (type === undefined) {
    throw new AuditLogError('AUDIT_KEY_INVALID', `the vkey of ${name} has signature type ${material[0]}: use Ed25519`)
  }
  const publicKey = material.subarray(1)
  if (publicKey.length !== ED25519_BYTES) {
    throw new AuditLogError('AUDIT_KEY_INVALID', `the vkey of ${name} has a public key of ${publicKey.length} bytes`)
  }
  const key = { name, type, publicKey }
  if (hexKeyId(keyIdOf(key)) !== id) {
    throw new AuditLogError('AUDIT_KEY_INVALID', `the vkey of ${name} was mistyped or altered: its key id is not ${id}`)
  }
  return key
}

/** The key as Node's crypto takes it. */
export function keyObjectOf(publicKey: Uint8Array): KeyObject {
  const x = Buffer.from(publicKey).toString('base64url')
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
}

/** The 32 bytes of an Ed25519 public key. */
export function publicKeyBytes(key: KeyObject): Uint8Array {
  return Buffer.from(key.export({ format: 'jwk' }).x as string, 'base64url')
}
