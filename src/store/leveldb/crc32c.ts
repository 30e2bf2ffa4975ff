/** Castagnoli's polynomial, reflected. */
const POLYNOMIAL = 0x82f63b78
const MASK_DELTA = 0xa282ead8

const table = Uint32Array.from({ length: 256 }, (_, n) => {
  let crc = n
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1
  return crc
})

/** The checksum that LevelDB stores: CRC-32C, masked, since what is checked may hold checksums itself. */
export function maskedChecksum(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (let at = 0; at < bytes.length; at++) {
    crc = (table[(crc ^ (bytes[at] as number)) & 0xff] as number) ^ (crc >>> 8)
  }
  crc = ~crc >>> 0
  return (((crc >>> 15) | (crc << 17)) + MASK_DELTA) >>> 0
}
