import type { Io } from './output.js'

const INTERVAL_MILLIS = 200
const ERASE_LINE = '\r\u001b[K'

/** One line on the terminal that says how far long work has come; nothing where standard error is none. */
export class Progress {
  readonly #io: Io
  readonly #isShown: boolean
  #nextAt: number
  #hasLine = false

  /** @param besides - what is printed goes to the terminal too, which the line would be in the way of */
  constructor(io: Io, besides = false) {
    this.#io = io
    this.#isShown = io.err.isTTY === true && !besides
    // What is done soon needs no line.
    this.#nextAt = io.now() + INTERVAL_MILLIS
  }

  show(line: () => string): void {
    if (!this.#isShown) return
    const now = this.#io.now()
    if (now < this.#nextAt) return
    this.#nextAt = now + INTERVAL_MILLIS
    this.#hasLine = true
    this.#io.err.write(`${ERASE_LINE}${line()}`)
  }

  /** Takes the line away. */
  clear(): void {
    if (this.#hasLine) this.#io.err.write(ERASE_LINE)
    this.#hasLine = false
  }
}
