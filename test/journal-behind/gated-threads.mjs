import { syncBuiltinESMExports } from 'node:module'
import threads from 'node:worker_threads'

/**
 * The ways in which threads that write journals act at each write, which they find in shared memory: write; write a part, and wait;
 * wait; write slowly; fail as on a full disk.
 */
export const GATE = Object.freeze({ open: 0, part: 1, held: 2, slow: 3, full: 4 })

const { Worker } = threads

/** Has each thread that writes a journal from now on pass a gate at each write. */
export function gateThreads() {
  const words = new Int32Array(new SharedArrayBuffer(8))
  /** @type {import('node:worker_threads').Worker[]} */
  const started = []
  threads.Worker = class extends Worker {
    /** @param {URL} file @param {import('node:worker_threads').WorkerOptions} options */
    constructor(file, options) {
      const workerData = { ...options.workerData, gate: words.buffer, file: file.href }
      super(new URL('gated-thread.mjs', import.meta.url), { ...options, workerData })
      started.push(this)
    }
  }
  syncBuiltinESMExports()
  return {
    started,
    /** Writes that the threads have done. */
    get writes() {
      return Atomics.load(words, 1)
    },
    /** @param {number} state */
    set(state) {
      Atomics.store(words, 0, state)
      Atomics.notify(words, 0)
    },
    remove() {
      threads.Worker = Worker
      syncBuiltinESMExports()
    },
  }
}
