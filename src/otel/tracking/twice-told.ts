import type { AuditEventData } from '../../events/index.js'
import { usageBeyond } from '../../events/usage.js'
import { RecentMap } from '../recent-map.js'
import type { Run } from './run.js'
import type { Senders } from './senders.js'

/** The two signals of an agent. */
export type Signal = 'span' | 'log'

const MAX_KEYS = 8192

/** A call that one signal has told of. */
interface Call {
  readonly by: Signal
  readonly usage: CountedUsage
  readonly isInRun: boolean
}

/** Calls of one key that are not so many that they could not be matched. */
const MAX_CALLS_OF_A_KEY = 256

type CountedUsage = AuditEventData<'token_usage_updated'>

/**
 * Counts each model call once that both spans and log records tell of. Many records name no call: then the calls of one
 * session with the same numbers are matched by how often each signal has told of them, so that order does not matter.
 */
export class TwiceTold {
  readonly #senders: Senders
  readonly #told = new RecentMap<string, Call[]>(MAX_KEYS)

  constructor(senders: Senders) {
    this.#senders = senders
  }

  /** Returns what is new in a report; `undefined` when the other signal has told all of it. */
  beyond(name: string, by: Signal, usage: CountedUsage, run: Run | undefined): CountedUsage | undefined {
    const key = this.#senders.keyOf(name)
    const calls = this.#told.get(key) ?? []
    const at = calls.findIndex((call) => call.by !== by)
    const [first] = at < 0 ? [] : calls.splice(at, 1)
    if (!first) {
      if (calls.length < MAX_CALLS_OF_A_KEY) calls.push({ by, usage, isInRun: run !== undefined })
      this.#told.set(key, calls)
      run?.addUsage(usage)
      return usage
    }
    // The second may know more: the run, the cost, what was spent on thinking.
    const rest = usageBeyond(usage, first.usage)
    run?.addUsage(first.isInRun ? rest : usage)
    return rest.inputTokens || rest.outputTokens || rest.costUsd
      ? { ...rest, totalTokens: rest.inputTokens + rest.outputTokens }
      : undefined
  }
}
