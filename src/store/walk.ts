/** A range of positions, `from` inclusive, `to` exclusive. */
export interface SeqRange {
  readonly from: number
  readonly to: number
}

/** A range of positions and a direction: descending when `reverse`. */
export interface Walk extends SeqRange {
  readonly reverse: boolean
}

/** Cuts a walk to the positions that exist. */
export function clampWalk({ from, to, reverse }: Walk, size: number): Walk {
  return { from: Math.max(0, from), to: Math.min(to, size), reverse }
}

/** Index of the first element that is not below `target` in an ascending array. */
export function lowerBound(ascending: readonly number[], target: number): number {
  let low = 0
  let high = ascending.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((ascending[middle] as number) < target) low = middle + 1
    else high = middle
  }
  return low
}
