import { MessageChannel } from 'node:worker_threads'

/**
 * Calls back once after a delay, without any of the functions that tests replace: V8 itself wakes who waits for a change of
 * memory. That does not keep a process alive, so an open port does where it should. Only for processes that had fake timers
 * before this package: it costs more than a timer.
 *
 * @returns what cancels it
 */
export function startUnstoppedTimer(delayMillis: number, callback: () => void, keepsAlive: boolean): () => void {
  let release = keepsAlive ? keepAlive() : () => {}
  const cell = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  // A wait of no time is none: it is over before anything can be awaited.
  const waiting = Atomics.waitAsync(cell, 0, 0, Math.max(1, delayMillis))
  let isOver = false
  Promise.resolve(waiting.value).then(() => {
    release()
    if (!isOver) callback()
  })
  return () => {
    isOver = true
    release()
    release = () => {}
    Atomics.notify(cell, 0)
  }
}

/** @returns what lets the process end again */
function keepAlive(): () => void {
  const { port1 } = new MessageChannel()
  port1.on('message', () => {})
  return () => port1.close()
}
