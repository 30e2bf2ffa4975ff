/** Largest text that is unpacked: a block of a table has some KiB, and one record of a log in addition. */
const MAX_BYTES = 64 * 2 ** 20

/**
 * Unpacks a Snappy block (https://github.com/google/snappy/blob/main/format_description.txt).
 *
 * @returns `undefined` when it is none
 */
export function unpackSnappy(packed: Uint8Array): Uint8Array | undefined {
  const reader = new Reader(packed)
  const length = reader.varint()
  if (length === undefined || length > MAX_BYTES) return undefined
  const unpacked = new Uint8Array(length)
  let end = 0
  while (!reader.ended) {
    const tag = reader.number(1) as number
    const isLiteral = (tag & 3) === 0
    const size = isLiteral ? literalLength(reader, tag >>> 2) : copyLength(tag)
    if (size === undefined || end + size > length) return undefined
    if (isLiteral) {
      const literal = reader.bytes(size)
      if (!literal) return undefined
      unpacked.set(literal, end)
    } else {
      const offset = copyOffset(reader, tag)
      if (offset === undefined || offset === 0 || offset > end) return undefined
      // The source of a copy may overlap its target.
      for (let at = end; at < end + size; at++) unpacked[at] = unpacked[at - offset] as number
    }
    end += size
  }
  return end === length ? unpacked : undefined
}

function literalLength(reader: Reader, code: number): number | undefined {
  if (code < 60) return code + 1
  const length = reader.number(code - 59)
  return length === undefined ? undefined : length + 1
}

function copyLength(tag: number): number {
  return (tag & 3) === 1 ? 4 + ((tag >>> 2) & 7) : 1 + (tag >>> 2)
}

function copyOffset(reader: Reader, tag: number): number | undefined {
  if ((tag & 3) !== 1) return reader.number((tag & 3) === 2 ? 2 : 4)
  const low = reader.number(1)
  return low === undefined ? undefined : ((tag >>> 5) << 8) | low
}

class Reader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get ended(): boolean {
    return this.#at === this.#bytes.length
  }

  bytes(length: number): Uint8Array | undefined {
    if (this.#at + length > this.#bytes.length) return undefined
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  /** Little-endian. */
  number(length: number): number | undefined {
    return this.bytes(length)?.reduceRight((value, byte) => value * 256 + byte, 0)
  }

  varint(): number | undefined {
    let value = 0
    for (let unit = 1; unit < 2 ** 35; unit *= 128) {
      const byte = this.number(1)
      if (byte === undefined) return undefined
      value += (byte & 0x7f) * unit
      if (byte < 0x80) return value
    }
    return undefined
  }
}
