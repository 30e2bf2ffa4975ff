/** Length of a SHA-256 hash in bytes. */
export const HASH_BYTES = 32

/** Standard base64 with padding (RFC 4648 section 4). */
export function encodeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

/**
 * Returns the bytes, or `undefined` for anything but the one text that {@link encodeBase64} has for them.
 *
 * Attacker-controlled: a part of a note, a receipt or a key, whose length its parser bounds.
 */
export function decodeBase64(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : undefined
}

const DECIMAL = /^(?:0|[1-9][0-9]{0,19})$/
export const MAX_UINT64: bigint = 2n ** 64n - 1n

/** Returns a number of 64 bits in decimal without leading zeroes, or `undefined` for anything else. */
export function parseDecimal(text: string): bigint | undefined {
  if (!DECIMAL.test(text)) return undefined
  const value = BigInt(text)
  return value <= MAX_UINT64 ? value : undefined
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Returns the text of UTF-8 bytes, or a text as it is; `undefined` when there are no UTF-8 bytes for it. */
export function decodeText(input: string | Uint8Array): string | undefined {
  if (typeof input === 'string') return input.isWellFormed() ? input : undefined
  try {
    return utf8.decode(input)
  } catch {
    return undefined
  }
}

const utf8Encoder = new TextEncoder()

/** A text's UTF-8 bytes. */
export function encodeText(text: string): Uint8Array {
  return utf8Encoder.encode(text)
}
