import type { TokenUsage } from '../../events/index.js'
import { usagePlus } from '../../events/usage.js'
import type { Loss } from './losses.js'

/** The calls of one run, and what they consumed; sub-runs have their own. */
export class RunTally {
  #toolCalls = 0
  #modelCalls = 0
  #usage: TokenUsage | undefined = undefined
  #usageLoss: Loss | undefined = undefined

  /** Tool calls that are recorded. */
  get toolCalls(): number {
    return this.#toolCalls
  }

  /** Calls of models that have begun. */
  get modelCalls(): number {
    return this.#modelCalls
  }

  /** The sum of all that is counted. */
  get usage(): TokenUsage | undefined {
    return this.#usage
  }

  /** The loss of what a call inside consumed: the sum is not the whole. */
  get usageLoss(): Loss | undefined {
    return this.#usageLoss
  }

  addToolCall(): void {
    this.#toolCalls++
  }

  addModelCall(): void {
    this.#modelCalls++
  }

  addUsage(usage: TokenUsage): void {
    this.#usage = usagePlus(this.#usage, usage)
  }

  loseUsage(loss: Loss): void {
    this.#usageLoss = loss
  }
}
