/*
 * The value of a posting; its key, or the row it stands in, tells the last position.
 *
 *   varint count | varint last - first | the steps from each position to the one before it, as varints, last to first
 *
 * The steps are left out when they are all 1. The head alone tells how many positions there are, and between which.
 */

export interface PostingSpan {
  readonly count: number
  readonly first: number
  readonly last: number
}

export function encodePosting(seqs: readonly number[]): Buffer {
  const count = seqs.length
  const span = (seqs[count - 1] as number) - (seqs[0] as number)
  const dense = span === count - 1
  let length = varintLength(count) + varintLength(span)
  if (!dense) for (let at = count - 1; at > 0; at--) length += varintLength(stepBefore(seqs, at))

  const value = Buffer.allocUnsafe(length)
  let end = writeVarint(value, span, writeVarint(value, count, 0))
  if (!dense) for (let at = count - 1; at > 0; at--) end = writeVarint(value, stepBefore(seqs, at), end)
  return value
}

export function postingSpan(last: number, value: Uint8Array): PostingSpan {
  const reader = { value, at: 0 }
  const count = readVarint(reader)
  return { count, first: last - readVarint(reader), last }
}

/** The positions of a posting, ascending. */
export function decodePosting(last: number, value: Uint8Array): number[] {
  const reader = { value, at: 0 }
  const count = readVarint(reader)
  const dense = readVarint(reader) === count - 1
  const seqs = new Array<number>(count)
  let seq = last
  for (let at = count - 1; at >= 0; at--) {
    seqs[at] = seq
    if (at > 0) seq -= dense ? 1 : readVarint(reader)
  }
  return seqs
}

function stepBefore(seqs: readonly number[], at: number): number {
  return (seqs[at] as number) - (seqs[at - 1] as number)
}

function varintLength(n: number): number {
  let length = 1
  for (let rest = n; rest >= 0x80; rest = Math.floor(rest / 0x80)) length++
  return length
}

function writeVarint(target: Buffer, n: number, offset: number): number {
  let rest = n
  let end = offset
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) target[end++] = (rest % 0x80) | 0x80
  target[end++] = rest
  return end
}

function readVarint(reader: { readonly value: Uint8Array; at: number }): number {
  let n = 0
  for (let scale = 1; ; scale *= 0x80) {
    const byte = reader.value[reader.at++]
    // A value that ends early is damage; NaN would go on silently.
    if (byte === undefined) throw new RangeError('A posting ends within a number')
    n += (byte & 0x7f) * scale
    if (byte < 0x80) return n
  }
}
