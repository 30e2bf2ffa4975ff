/** Counts spans in the order of their start, for which their clocks are too coarse. */
let latest = 0

/** Returns a number that no span and no remote parent has had before. */
export function nextSerial(): number {
  return ++latest
}

/** Returns the number that was given last. */
export function latestSerial(): number {
  return latest
}
