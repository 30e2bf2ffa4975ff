import { close } from 'node:fs'

/** A file that gets the bytes of a stream from a count on. */
export interface FilePart {
  /** The count of bytes in the stream before its first one. */
  readonly from: number
  readonly descriptor: number
  /** The position in the file of that byte. */
  readonly offset: number
}

/** The files that may still get bytes of a stream, in their order. Whoever opened the last one closes it. */
export class FileSequence {
  #parts: FilePart[] = []

  /** Adds the file that follows. Those before it stay, for bytes that are not written yet. */
  add(part: FilePart): void {
    this.#parts.push(part)
  }

  /** The file of the newest bytes. */
  get current(): FilePart {
    return this.#parts.at(-1) as FilePart
  }

  /** Returns the file of the byte with a count, and the count from which on the next file follows, if there is one. */
  at(count: number): { readonly part: FilePart; readonly end: number | undefined } {
    const next = this.#parts.findIndex(({ from }) => from > count)
    const part = this.#parts.at(next === -1 ? -1 : next - 1) as FilePart
    return { part, end: next === -1 ? undefined : this.#parts[next]?.from }
  }

  /** Closes the files before the current one. Nobody writes to them any more. */
  closeBefore(): void {
    for (const { descriptor } of this.#parts.splice(0, this.#parts.length - 1)) close(descriptor, () => {})
  }

  /** Closes the files before the current one, and leaves that out as well. */
  clear(): void {
    this.closeBefore()
    this.#parts = []
  }
}
