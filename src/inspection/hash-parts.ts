/** Hashes of which the lowest bits, so many, are these. Plain. */
export interface HashPart {
  readonly bits: number
  readonly value: number
}

/** Returns whether a hash that has this first word is in a part. */
export function isInPart({ bits, value }: HashPart, one: number): boolean {
  return bits === 0 || (one & (2 ** bits - 1)) >>> 0 === value
}

/**
 * The parts in which hashes are looked at where all of them do not fit into memory: half of them, and half of these, until
 * they do. Whoever uses it goes through the entries again for each part that was left out.
 */
export class HashParts {
  readonly #leftOut: HashPart[] = []
  #current: HashPart = { bits: 0, value: 0 }

  /** The part that is looked at: all hashes at first. */
  get current(): HashPart {
    return this.#current
  }

  holds(one: number): boolean {
    return isInPart(this.#current, one)
  }

  /** Keeps one half of the current part, and leaves the other for later. */
  halve(): void {
    const { bits, value } = this.#current
    this.#current = { bits: bits + 1, value }
    this.#leftOut.push({ bits: bits + 1, value: value + 2 ** bits })
  }

  /** Turns to a part that was left out. @returns `false` when there is none */
  next(): boolean {
    const part = this.#leftOut.pop()
    if (part) this.#current = part
    return part !== undefined
  }
}
