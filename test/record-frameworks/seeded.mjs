import crypto, { webcrypto } from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'

/* Preloaded: what is random elsewhere is the same in each run here, so that two recordings of one release are equal. */

let state = 0x2545f491

/** xorshift32 */
function next() {
  state ^= state << 13
  state ^= state >>> 17
  state ^= state << 5
  return state >>> 0
}

/** @param {Uint8Array} bytes */
function fill(bytes) {
  for (let at = 0; at < bytes.length; at++) bytes[at] = next() & 0xff
  return bytes
}

function uuid() {
  const bytes = fill(new Uint8Array(16))
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  const digits = Buffer.from(bytes).toString('hex')
  return [0, 8, 12, 16, 20].map((from, at, all) => digits.slice(from, all[at + 1])).join('-')
}

Math.random = () => next() / 2 ** 32
Object.assign(crypto, {
  randomUUID: uuid,
  randomBytes: (/** @type {number} */ size, /** @type {Function | undefined} */ callback) => {
    const bytes = Buffer.from(fill(new Uint8Array(size)))
    callback?.(null, bytes)
    return callback ? undefined : bytes
  },
  randomFillSync: fill,
})
const getRandomValues = (/** @type {ArrayBufferView} */ view) => {
  fill(new Uint8Array(view.buffer, view.byteOffset, view.byteLength))
  return view
}
Object.defineProperties(webcrypto, {
  randomUUID: { value: uuid },
  getRandomValues: { value: getRandomValues },
})
syncBuiltinESMExports()
// The recorder has a clock of its own; durations that a framework measures are 0.
const NOW = 1_795_000_000_000
Date.now = () => NOW
globalThis.Date = new Proxy(Date, {
  construct: (date, args, newTarget) => Reflect.construct(date, args.length > 0 ? args : [NOW], newTarget),
})
performance.now = () => 0
