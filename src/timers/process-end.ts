/**
 * The two moments at which a process ends by itself. At `beforeExit` nothing is left to do, and what is begun then keeps the process
 * alive; at `exit` only what is synchronous is still done. A signal, `process.exit()` and an abort skip `beforeExit`; a signal and an
 * abort skip `exit` too.
 */
type ProcessEnd = 'beforeExit' | 'exit'

const actions: Readonly<Record<ProcessEnd, Set<() => void>>> = { beforeExit: new Set(), exit: new Set() }
const listeners: Readonly<Record<ProcessEnd, () => void>> = {
  beforeExit: () => runAll('beforeExit'),
  exit: () => runAll('exit'),
}

/**
 * Runs an action when the process, or the thread of the caller, ends by itself. What the action throws is dropped. One
 * listener of the process serves all actions: Node.js takes many listeners for a leak.
 *
 * @returns the function that takes the action back
 */
export function atProcessEnd(end: ProcessEnd, action: () => void): () => void {
  const registered = actions[end]
  if (registered.size === 0) process.on(end, listeners[end])
  registered.add(action)
  return () => {
    registered.delete(action)
    if (registered.size === 0) process.off(end, listeners[end])
  }
}

function runAll(end: ProcessEnd): void {
  for (const action of actions[end]) {
    try {
      action()
    } catch {
      // Nobody is left to report it to.
    }
  }
}
