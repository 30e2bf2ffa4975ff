/*
 * A script may end without a shutdown of its SDK. One listener serves all processors: Node.js takes many of them for a
 * leak.
 */
const watching = new Set<() => void>()

/** Calls `look` before the process ends by itself. @returns the function that ends it */
export function beforeExit(look: () => void): () => void {
  if (watching.size === 0) process.on('beforeExit', lookAll)
  watching.add(look)
  return () => {
    watching.delete(look)
    if (watching.size === 0) process.off('beforeExit', lookAll)
  }
}

function lookAll(): void {
  for (const look of watching) look()
}
