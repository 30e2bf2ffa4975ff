import { fieldsOf, numberIn, present } from '../../events/recorded-fields.js'
import type { StoredEvent, TokenUsage } from '../../events/types.js'
import { NO_USAGE, usagePlus } from '../../events/usage.js'
import { DurationHistogram } from './duration-histogram.js'
import type { StatsTotals } from './stats-report.js'

/** The counters of the events that count. */
const RUN_COUNTS = {
  run_started: 'started',
  run_completed: 'completed',
  run_failed: 'failed',
  run_cancelled: 'cancelled',
  run_suspended: 'suspended',
  run_interrupted: 'interrupted',
} as const satisfies Record<string, keyof StatsTotals['runs']>

const TOOL_COUNTS = {
  tool_call_completed: 'completed',
  tool_call_failed: 'failed',
} as const satisfies Record<string, keyof StatsTotals['toolCalls']>

/** Tells whether events of this type count in statistics. */
export function isCounted(type: string): boolean {
  return (
    Object.hasOwn(RUN_COUNTS, type) ||
    Object.hasOwn(TOOL_COUNTS, type) ||
    type === 'token_usage_updated' ||
    type === 'error_occurred'
  )
}

/** Sums up events while they stream by; what it keeps does not grow with their number. */
export class ActivityFold {
  readonly #runs = { started: 0, completed: 0, failed: 0, cancelled: 0, suspended: 0, interrupted: 0 }
  readonly #toolCalls = { completed: 0, failed: 0 }
  readonly #runDurations = new DurationHistogram()
  readonly #toolDurations = new DurationHistogram()
  #usage: TokenUsage = NO_USAGE
  #modelCalls = 0
  #errors = 0

  /** @param event - of a type that {@link isCounted} */
  add({ type, data: recorded }: StoredEvent): void {
    const data = fieldsOf(recorded)
    if (type === 'token_usage_updated') {
      this.#usage = usagePlus(this.#usage, data)
      this.#modelCalls++
    } else if (type === 'error_occurred') this.#errors++
    else {
      const durationMs = numberIn(data, 'durationMs')
      const isTool = Object.hasOwn(TOOL_COUNTS, type)
      if (isTool) this.#toolCalls[TOOL_COUNTS[type as keyof typeof TOOL_COUNTS]]++
      else this.#runs[RUN_COUNTS[type as keyof typeof RUN_COUNTS]]++
      if (durationMs !== undefined && durationMs >= 0)
        (isTool ? this.#toolDurations : this.#runDurations).add(durationMs)
    }
  }

  stats(): StatsTotals {
    return {
      usage: this.#usage,
      modelCalls: this.#modelCalls,
      runs: { ...this.#runs },
      toolCalls: { ...this.#toolCalls },
      errors: this.#errors,
      ...present({ runDurations: this.#runDurations.durations(), toolDurations: this.#toolDurations.durations() }),
    }
  }
}
