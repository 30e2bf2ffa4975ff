import { verify } from 'node:crypto'
import { cosignedMessage, readCosignature } from './cosignature.js'
import { keyIdOf, keyObjectOf, type NoteKey, parseVkey, SIGNATURE_TYPES } from './key.js'

/** Verifies the signatures of one key. Implement it for a kind of key that is not built in. */
export interface Verifier {
  readonly name: string
  readonly keyId: number
  /**
   * Returns whether the key signed a text.
   *
   * @param text - UTF-8 bytes of the note's text
   * @param signature - the bytes in the note behind the key id
   */
  verify(text: Uint8Array, signature: Uint8Array): boolean
}

const ED25519_SIGNATURE_BYTES = 64

/**
 * Returns a verifier of Ed25519 signatures or, by the key's type, of Ed25519 cosignatures (`cosignature/v1`).
 *
 * @param vkey - the key as text (C2SP signed-note)
 * @throws AuditLogError `AUDIT_KEY_INVALID`
 */
export function verifierFromVkey(vkey: string): Verifier {
  return verifierOf(parseVkey(vkey))
}

/**
 * Returns the verifier of a key's signatures.
 *
 * Attacker-controlled: texts and signatures that it verifies; a signature has 64 bytes, behind a timestamp if it cosigns.
 */
export function verifierOf(key: NoteKey): Verifier {
  const publicKey = keyObjectOf(key.publicKey)
  const isSigned = (message: Uint8Array, signature: Uint8Array) =>
    signature.length === ED25519_SIGNATURE_BYTES && verify(null, message, publicKey, signature)
  return {
    name: key.name,
    keyId: keyIdOf(key),
    verify:
      key.type === SIGNATURE_TYPES.ed25519
        ? isSigned
        : (text, signature) => {
            const cosignature = readCosignature(signature)
            if (cosignature === undefined) return false
            return isSigned(cosignedMessage(cosignature.timestampSeconds, text), cosignature.signature)
          },
  }
}
