import type { TokenUsage } from '../../events/index.js'
import { usageBeyond, usagePlus } from '../../events/usage.js'

/** Stands for the scopes of several instrumentations. */
const SEVERAL = '*'

/** The tokens that are counted at a span, and those that it has reported as its sum. */
export class SpanUsage {
  #counted: TokenUsage | undefined = undefined
  #countedBy: string | undefined = undefined
  /** The sum that the span reported when it ended, less what spans inside have reported since. */
  #sum: TokenUsage | undefined = undefined
  #lastSerialInSum = 0

  /** Tokens at the span and below it that are counted already. */
  get counted(): TokenUsage | undefined {
    return this.#counted
  }

  /** The instrumentation that reported them, as far as they are of the same run. */
  get countedBy(): string | undefined {
    return this.#countedBy
  }

  /** @param scope - the instrumentation that reports; `undefined` for tokens of a run inside */
  count(usage: TokenUsage, scope: string | undefined): void {
    this.#counted = usagePlus(this.#counted, usage)
    if (scope !== undefined) this.#countedBy = (this.#countedBy ?? scope) === scope ? scope : SEVERAL
  }

  /** The span has ended with this sum, which holds for itself and all that had started inside of it by then. */
  close(sum: TokenUsage, lastSerial: number): void {
    this.#sum = sum
    this.#lastSerialInSum = lastSerial
  }

  /** Returns what goes beyond the span's sum in the usage of a span inside. The sum covers the rest once. */
  beyondSum<Usage extends TokenUsage>(usage: Usage, serial: number): Usage {
    const sum = this.#sum
    if (!sum || serial > this.#lastSerialInSum) return usage
    this.#sum = usageBeyond(sum, usage)
    return usageBeyond(usage, sum)
  }
}
