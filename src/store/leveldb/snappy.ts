/** Largest text that is unpacked: a block of a table has some KiB, and one record of a log in addition. */
const MAX_BYTES = 64 * 2 ** 20
/** From here on copying as one piece is faster than byte by byte. */
const LONG_COPY = 24

/**
 * Unpacks a Snappy block (https://github.com/google/snappy/blob/main/format_description.txt).
 *
 * @param target - holds the text where it is large enough, and is returned in part then
 * @returns `undefined` when it is none
 */
export function unpackSnappy(packed: Uint8Array, target?: Uint8Array): Uint8Array | undefined {
  // Attacker-controlled: a packed block; what it unpacks to is at most MAX_BYTES.
  const packedEnd = packed.length
  let at = 0
  let length = 0
  for (let unit = 1; ; unit *= 128) {
    const byte = packed[at++]
    if (byte === undefined || unit >= 2 ** 35) return undefined
    length += (byte & 0x7f) * unit
    if (byte < 0x80) break
  }
  if (length > MAX_BYTES) return undefined
  const unpacked = target && target.length >= length ? target : new Uint8Array(length)
  let end = 0
  while (at < packedEnd) {
    const tag = packed[at++] as number
    const kind = tag & 3
    let size: number
    if (kind === 0) {
      size = (tag >>> 2) + 1
      if (size > 60) {
        const bytes = size - 60
        if (at + bytes > packedEnd) return undefined
        size = 1
        for (let n = bytes - 1, value = 0; n >= 0; n--) {
          value = value * 256 + (packed[at + n] as number)
          size = value + 1
        }
        at += bytes
      }
      if (at + size > packedEnd || end + size > length) return undefined
      if (size < LONG_COPY) for (let n = 0; n < size; n++) unpacked[end + n] = packed[at + n] as number
      else unpacked.set(packed.subarray(at, at + size), end)
      at += size
    } else {
      const bytes = kind === 1 ? 1 : kind === 2 ? 2 : 4
      if (at + bytes > packedEnd) return undefined
      size = kind === 1 ? 4 + ((tag >>> 2) & 7) : 1 + (tag >>> 2)
      let offset = packed[at] as number
      if (kind === 1) offset += (tag >>> 5) << 8
      if (kind > 1) offset += (packed[at + 1] as number) << 8
      if (kind > 2) offset += (packed[at + 2] as number) * 2 ** 16 + (packed[at + 3] as number) * 2 ** 24
      at += bytes
      if (offset === 0 || offset > end || end + size > length) return undefined
      // The source of a copy may overlap its target.
      if (size >= LONG_COPY && offset >= size) unpacked.copyWithin(end, end - offset, end - offset + size)
      else for (let to = end; to < end + size; to++) unpacked[to] = unpacked[to - offset] as number
    }
    end += size
  }
  return end === length ? unpacked.subarray(0, length) : undefined
}
