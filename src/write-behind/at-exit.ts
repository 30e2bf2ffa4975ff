/** Work that is left when the process, or the thread that records, ends by itself. */
export interface Unfinished {
  /** @throws what the file system throws */
  finish(): void
}

const unfinished = new Set<Unfinished>()

/** Has this finished before the process ends, except by a signal or an abort. @returns what takes that back */
export function finishAtExit(one: Unfinished): () => void {
  if (unfinished.size === 0) process.on('exit', finishAll)
  unfinished.add(one)
  return () => {
    unfinished.delete(one)
    if (unfinished.size === 0) process.off('exit', finishAll)
  }
}

function finishAll(): void {
  for (const one of unfinished) {
    try {
      one.finish()
    } catch {
      // Nobody is left to get the error.
    }
  }
}
