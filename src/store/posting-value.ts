/*
 * The value of a posting; its key, or the row it stands in, tells the last position.
 *
 *   varint count | varint last - first | the steps from each position to the one before it, as varints, last to first
 *
 * The steps are left out when they are all 1. The head alone tells how many positions there are, and between which.
 */

/** Positions without a gap take no bytes: far more than one commit ever files, so that no memory follows from a number alone. */
const MAX_POSITIONS = 2 ** 20

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

/**
 * Tells how many positions a posting has, and between which.
 *
 * @throws RangeError when they cannot be positions of a log
 */
export function postingSpan(last: number, value: Uint8Array): PostingSpan {
  return readSpan(last, { value, at: 0 })
}

/**
 * Returns the positions of a posting, ascending.
 *
 * @throws RangeError when they cannot be positions of a log, or are not those that the head of the value tells
 */
export function decodePosting(last: number, value: Uint8Array): number[] {
  // Attacker-controlled: a stored posting; a list has no more positions than its value has bytes, unless it is gapless.
  const reader = { value, at: 0 }
  const { count, first } = readSpan(last, reader)
  const dense = last - first === count - 1
  if (!dense && count > value.length) throw new RangeError('A posting has fewer steps than positions')
  const seqs = new Array<number>(count)
  let seq = last
  for (let at = count - 1; at > 0; at--) {
    seqs[at] = seq
    const step = dense ? 1 : readVarint(reader)
    if (step === 0) throw new RangeError('A posting has a position twice')
    seq -= step
  }
  seqs[0] = seq
  if (seq !== first) throw new RangeError('A posting does not end where it says')
  return seqs
}

function readSpan(last: number, reader: Reader): PostingSpan {
  // Attacker-controlled: the head of a stored posting; at most MAX_POSITIONS positions, all within the log's range.
  const count = readVarint(reader)
  const first = last - readVarint(reader)
  const isPossible = first >= 0 && count >= 1 && count <= MAX_POSITIONS && count <= last - first + 1
  if (!isPossible || !Number.isSafeInteger(last)) throw new RangeError('A posting tells of positions that no log has')
  return { count, first, last }
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

interface Reader {
  readonly value: Uint8Array
  at: number
}

function readVarint(reader: Reader): number {
  let n = 0
  for (let scale = 1; ; scale *= 0x80) {
    const byte = reader.value[reader.at++]
    // A value that ends early is damage; NaN would go on silently.
    if (byte === undefined) throw new RangeError('A posting ends within a number')
    n += (byte & 0x7f) * scale
    if (n > Number.MAX_SAFE_INTEGER) throw new RangeError('A posting has a number that is too large')
    if (byte < 0x80) return n
  }
}
