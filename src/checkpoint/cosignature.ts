import { encodeText } from './encoding.js'

/*
 * C2SP tlog-cosignature, Ed25519: a witness states that, at a time, this was the largest tree it had seen of the log.
 *
 * ```
 * timestamped_signature:  │ seconds, 8 bytes big-endian │ Ed25519 signature, 64 bytes │
 * signed message:         cosignature/v1\ntime <seconds>\n<text of the checkpoint>
 * ```
 */
const TIMESTAMP_BYTES = 8
const MAX_TIMESTAMP = 2n ** 63n - 1n

/** A cosignature taken apart. */
export interface TimestampedSignature {
  /** The time when it was made: seconds since 1970. */
  readonly timestampSeconds: bigint
  readonly signature: Uint8Array
}

/**
 * Takes a cosignature apart.
 *
 * Attacker-controlled: the bytes of a signature line; MAX_TIMESTAMP bounds the time, and the verifier the signature.
 *
 * @returns `undefined` when it is too short or its time out of bounds
 */
export function readCosignature(bytes: Uint8Array): TimestampedSignature | undefined {
  if (bytes.length < TIMESTAMP_BYTES) return undefined
  const timestampSeconds = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0)
  if (timestampSeconds > MAX_TIMESTAMP) return undefined
  return { timestampSeconds, signature: bytes.subarray(TIMESTAMP_BYTES) }
}

/** Returns the message that a cosigner signs. */
export function cosignedMessage(timestampSeconds: bigint, text: Uint8Array): Uint8Array {
  return Buffer.concat([encodeText(`cosignature/v1\ntime ${timestampSeconds}\n`), text])
}
