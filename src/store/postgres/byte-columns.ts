/** The bytes of many rows as one value, with the place of each row's bytes in it. */
export class ByteColumns {
  readonly #parts: Uint8Array[] = []
  readonly starts: number[] = []
  readonly lengths: number[] = []
  /** Positions in a `bytea` count from 1. */
  #next = 1

  get bytes(): Buffer {
    return Buffer.concat(this.#parts, this.#next - 1)
  }

  add(bytes: Uint8Array): void {
    this.#parts.push(bytes)
    this.starts.push(this.#next)
    this.lengths.push(bytes.length)
    this.#next += bytes.length
  }
}

/** The bytes of rows with two values each: the first and the second values have their places apart. */
export class SplitByteColumns {
  readonly #bytes = new ByteColumns()

  get bytes(): Buffer {
    return this.#bytes.bytes
  }

  add(first: Uint8Array, second: Uint8Array): void {
    this.#bytes.add(first)
    this.#bytes.add(second)
  }

  /** Returns starts and lengths of the first ones, or the second ones, as arrays. */
  places(which: 'first' | 'second'): readonly [starts: string, lengths: string] {
    const parity = which === 'first' ? 0 : 1
    const isAsked = (_: number, at: number) => at % 2 === parity
    return [array(this.#bytes.starts.filter(isAsked)), array(this.#bytes.lengths.filter(isAsked))]
  }
}

/** Numbers as PostgreSQL writes an array: `pg` would quote each of them. */
export function array(numbers: readonly number[]): string {
  return `{${numbers.join()}}`
}
