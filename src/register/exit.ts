import { diag } from '@opentelemetry/api'

interface Flushed {
  forceFlush(): Promise<void>
  shutdown(): Promise<void>
}

/**
 * Makes durable what was recorded when the process comes to its end, without a change to how it ends:
 *
 * - `beforeExit`: what is recorded is flushed; when nothing keeps the process alive after that, the log is closed.
 * - `SIGTERM`, if the application has a listener of its own, which decides when the process ends: what is recorded is flushed.
 *   Without one the signal ends the process at once, as it always did. The journal has every event by then.
 */
export function flushAtExit(audit: Flushed): void {
  let isFlushed = false
  process.on('beforeExit', () => {
    // What is asynchronous here lets the process go on, and `beforeExit` comes once more.
    if (isFlushed) quietly(audit.shutdown())
    else quietly(audit.forceFlush())
    isFlushed = true
  })
  followSignal('SIGTERM', () => quietly(audit.forceFlush()))
}

/** Calls `onSignal` with a signal that the application listens to, and with no other: a listener alone would keep it alive. */
function followSignal(signal: NodeJS.Signals, onSignal: () => void): void {
  let isListening = false
  process.on('newListener', (event, listener) => {
    if (event !== signal || isListening || listener === onSignal) return
    isListening = true
    process.on(signal, onSignal)
  })
  process.on('removeListener', (event, listener) => {
    if (event !== signal || !isListening || listener === onSignal) return
    if (process.listeners(signal).some((other) => other !== onSignal)) return
    isListening = false
    process.removeListener(signal, onSignal)
  })
}

function quietly(done: Promise<unknown>): void {
  done.catch((problem) => diag.error('spanledger:', problem))
}
