/** Bytes of a position where it is stored. */
export const SEQ_BYTES = 8

/** Writes a number as 8 bytes, big-endian; exact for every safe integer. */
export function writeSeq(target: Buffer, seq: number, offset: number): void {
  target.writeUInt32BE(Math.floor(seq / 0x1_0000_0000), offset)
  target.writeUInt32BE(seq % 0x1_0000_0000, offset + 4)
}

/** Reads what {@link writeSeq} wrote. */
export function readSeq(source: Uint8Array, offset: number): number {
  // Attacker-controlled: 8 bytes; they may give no safe integer, which the caller checks.
  let seq = 0
  for (let at = offset; at < offset + SEQ_BYTES; at++) seq = seq * 256 + (source[at] as number)
  return seq
}

/** Returns the number that ends a key. */
export function seqOfKey(key: Uint8Array): number {
  return readSeq(key, key.length - SEQ_BYTES)
}

/** Returns a position as it is stored. */
export function encodeSeq(seq: number): Buffer {
  const value = Buffer.allocUnsafe(SEQ_BYTES)
  writeSeq(value, seq, 0)
  return value
}
