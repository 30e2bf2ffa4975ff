import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { workerData } from 'node:worker_threads'
import { GATE } from './gated-threads.mjs'

// A thread that writes a journal, whose writes pass a gate.

const words = new Int32Array(workerData.gate)
const { writeSync } = fs

/** @param {number} descriptor @param {Uint8Array} bytes @param {number} start @param {number} length @param {number} offset */
// biome-ignore lint/complexity/useMaxParams: these are the parameters of fs.writeSync, in whose place it stands
function pass(descriptor, bytes, start, length, offset) {
  Atomics.wait(words, 0, GATE.held)
  const state = Atomics.load(words, 0)
  if (state === GATE.full) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
  if (state === GATE.slow) Atomics.wait(words, 0, GATE.slow, 5)
  const isPart = state === GATE.part
  // Never a number of whole records: the half of two is one.
  const written = writeSync(descriptor, bytes, start, isPart ? Math.ceil(length / 2) + 1 : length, offset)
  if (isPart) Atomics.compareExchange(words, 0, GATE.part, GATE.held)
  Atomics.add(words, 1, 1)
  return written
}

fs.writeSync = /** @type {typeof fs.writeSync} */ (pass)
syncBuiltinESMExports()
await import(workerData.file)
