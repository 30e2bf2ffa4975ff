import { Socket } from 'node:net'
import { MessageChannel } from 'node:worker_threads'

/*
 * Timers without any of the functions that tests replace. They cost more than timers, and only processes that had
 * fake timers before this package use them. A socket that is never connected has a timer of Node's own, which keeps no process
 * alive, so an open port does where it should.
 */

/** Calls back once after a delay. @returns what cancels it */
export function startUnstoppedTimer(delayMillis: number, callback: () => void, keepsAlive: boolean): () => void {
  const release = keepsAlive ? keepAlive() : () => {}
  const socket = new Socket()
  const cancel = () => {
    socket.destroy()
    release()
  }
  // No time at all would be no timer.
  socket.setTimeout(Math.max(1, delayMillis), () => {
    cancel()
    callback()
  })
  return cancel
}

/** Calls back once after this turn of the event loop. @returns what cancels it */
export function afterThisTurn(callback: () => void, keepsAlive: boolean): () => void {
  const { port1, port2 } = new MessageChannel()
  const cancel = () => port1.close()
  port1.once('message', () => {
    cancel()
    callback()
  })
  if (!keepsAlive) port1.unref()
  port2.postMessage(undefined)
  return cancel
}

/** @returns what lets the process end again */
function keepAlive(): () => void {
  const { port1 } = new MessageChannel()
  port1.on('message', () => {})
  return () => port1.close()
}
