import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

/*
 * Keys that lie in files are wrapped by another key: AES-256-GCM, with the name of what is wrapped as associated data.
 *
 *   │ nonce 12 │ ciphertext │ tag 16 │
 */

const ALGORITHM = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** Wraps a key. @param name - of what is wrapped: it does not open under another name */
export function wrapKey(wrapping: Uint8Array, key: Uint8Array, name: string): Uint8Array {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv(ALGORITHM, wrapping, nonce)
  cipher.setAAD(Buffer.from(name))
  return Buffer.concat([nonce, cipher.update(key), cipher.final(), cipher.getAuthTag()])
}

/** Returns the key that was wrapped; `undefined` where it was wrapped by another one, or was altered. */
export function unwrapKey(wrapping: Uint8Array, wrapped: Uint8Array, name: string): Uint8Array | undefined {
  if (wrapped.length < NONCE_BYTES + TAG_BYTES) return undefined
  const tagAt = wrapped.length - TAG_BYTES
  try {
    const decipher = createDecipheriv(ALGORITHM, wrapping, wrapped.subarray(0, NONCE_BYTES))
    decipher.setAAD(Buffer.from(name))
    decipher.setAuthTag(wrapped.subarray(tagAt))
    return Buffer.concat([decipher.update(wrapped.subarray(NONCE_BYTES, tagAt)), decipher.final()])
  } catch {
    return undefined
  }
}
