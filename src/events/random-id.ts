import { randomFillSync } from 'node:crypto'

/**
 * Marks an event whose id was made by {@link randomId}: nobody can guess it, so that its entry needs no salt. A symbol, which
 * nothing that was parsed has.
 */
export const HAS_RANDOM_ID: unique symbol = Symbol('spanledger.hasRandomId')

const ID_BYTES = 16
/** Random bytes are fetched for so many ids at once. */
const IDS_AT_ONCE = 128
const DIGITS = Buffer.from('0123456789abcdef')
/** The position of the digits of each byte. */
const PLACES = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34]

const random = new Uint8Array(ID_BYTES * IDS_AT_ONCE)
let used = random.length
const text = Buffer.alloc(36, '-')

/**
 * A random UUID (RFC 9562 version 4). `crypto.randomUUID()` returns a string of two dozen pieces, which take ten times the
 * memory of the string and have to be put together when it is stored.
 */
export function randomId(): string {
  if (used === random.length) {
    randomFillSync(random)
    used = 0
  }
  for (let at = 0; at < ID_BYTES; at++) {
    let byte = random[used++] as number
    if (at === 6) byte = (byte & 0x0f) | 0x40
    else if (at === 8) byte = (byte & 0x3f) | 0x80
    const place = PLACES[at] as number
    text[place] = DIGITS[byte >>> 4] as number
    text[place + 1] = DIGITS[byte & 0x0f] as number
  }
  return text.toString('latin1')
}
