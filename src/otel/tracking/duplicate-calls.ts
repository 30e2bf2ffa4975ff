import type { AuditEventData } from '../../events/index.js'
import { usageBeyond } from '../../events/usage.js'
import { RecentMap } from '../recent-map.js'
import type { Run } from './run.js'
import type { Senders } from './senders.js'

/** The two signals of an agent. */
export type Signal = 'span' | 'log'

const MAX_KEYS = 8192
/** Calls that look alike, in one run or session, are not so many that they could not be matched. */
const MAX_CALLS_OF_A_KEY = 256

type CountedUsage = AuditEventData<'token_usage_updated'>

/** The report of one signal on a call. */
export interface SignalReport {
  readonly by: Signal
  /** Identifies the call by its own id, or by its numbers: `UsageReport.callKey`. */
  readonly callKey: string
  /** The owners of the call, the surest first: keys of its run, as `RunReport.keys` has them. */
  readonly keys: readonly string[]
  /** A span may come before its session is known. */
  readonly sessionId: string | undefined
  readonly usage: CountedUsage
  readonly run: Run | undefined
}

/** A call that one signal has reported, and the other may. */
interface Call {
  readonly by: Signal
  readonly usage: CountedUsage
  readonly isInRun: boolean
  readonly keys: readonly string[]
}

/**
 * Counts each model call once that both spans and log records report. Many records name no call: then the calls of one
 * run, or of one session, with the same numbers are matched by how often each signal has reported them, so that order does
 * not matter.
 */
export class DuplicateCalls {
  readonly #senders: Senders
  readonly #calls = new RecentMap<string, Call[]>(MAX_KEYS)

  constructor(senders: Senders) {
    this.#senders = senders
  }

  /** Enters a call of a run that is counted already. */
  add(report: SignalReport): void {
    const { by, usage } = report
    this.#enter({ by, usage, isInRun: true, keys: this.#keysOf(report) })
  }

  /** Returns what is new in a report; `undefined` when the other signal has reported all of it. */
  beyond(report: SignalReport): CountedUsage | undefined {
    const { by, usage, run } = report
    const keys = this.#keysOf(report)
    const first = this.#take(keys, by)
    if (!first) {
      this.#enter({ by, usage, isInRun: run !== undefined, keys })
      run?.tally.addUsage(usage)
      return usage
    }
    // The second may know more: the run, the cost, what was spent on thinking.
    const rest = usageBeyond(usage, first.usage)
    run?.tally.addUsage(first.isInRun ? rest : usage)
    return rest.inputTokens || rest.outputTokens || rest.costUsd
      ? { ...rest, totalTokens: rest.inputTokens + rest.outputTokens }
      : undefined
  }

  /** Removes and returns the first call under any of these keys that the other signal has reported. */
  #take(keys: readonly string[], by: Signal): Call | undefined {
    for (const key of keys) {
      const found = this.#calls.get(key)?.find((call) => call.by !== by)
      if (!found) continue
      for (const other of found.keys) {
        const rest = this.#calls.get(other)?.filter((call) => call !== found)
        if (rest) this.#calls.set(other, rest)
      }
      return found
    }
    return undefined
  }

  #enter(call: Call): void {
    for (const key of call.keys) {
      const calls = this.#calls.get(key) ?? []
      if (calls.length < MAX_CALLS_OF_A_KEY) calls.push(call)
      this.#calls.set(key, calls)
    }
  }

  #keysOf({ keys, sessionId, callKey }: SignalReport): readonly string[] {
    const owners = sessionId ? [...keys, `session:${sessionId}`] : keys
    return owners.map((owner) => this.#senders.keyOf(`${owner}|${callKey}`))
  }
}
