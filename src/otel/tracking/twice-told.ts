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

/** The words of one signal about a call. */
export interface TellingOfCall {
  readonly by: Signal
  /** Identifies the call by its own id, or by its numbers: `UsageReport.callKey`. */
  readonly callKey: string
  /** Whose the call is, the surest first: keys of its run, as `RunReport.keys` has them. */
  readonly keys: readonly string[]
  /** A span may come before its session is known. */
  readonly sessionId: string | undefined
  readonly usage: CountedUsage
  readonly run: Run | undefined
}

/** A call of which one signal has told, and the other may. */
interface Call {
  readonly by: Signal
  readonly usage: CountedUsage
  readonly isInRun: boolean
  readonly places: readonly string[]
}

/**
 * Counts each model call once that both spans and log records tell of. Many records name no call: then the calls of one
 * run, or of one session, with the same numbers are matched by how often each signal has told of them, so that order does
 * not matter.
 */
export class TwiceTold {
  readonly #senders: Senders
  readonly #told = new RecentMap<string, Call[]>(MAX_KEYS)

  constructor(senders: Senders) {
    this.#senders = senders
  }

  /** Notes a call of a run that is counted already. */
  note(telling: TellingOfCall): void {
    const { by, usage } = telling
    this.#add({ by, usage, isInRun: true, places: this.#placesOf(telling) })
  }

  /** Returns what is new in a report; `undefined` when the other signal has told all of it. */
  beyond(telling: TellingOfCall): CountedUsage | undefined {
    const { by, usage, run } = telling
    const places = this.#placesOf(telling)
    const first = this.#take(places, by)
    if (!first) {
      this.#add({ by, usage, isInRun: run !== undefined, places })
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

  /** Removes and returns the first call in any of these places that the other signal has told. */
  #take(places: readonly string[], by: Signal): Call | undefined {
    for (const place of places) {
      const found = this.#told.get(place)?.find((call) => call.by !== by)
      if (!found) continue
      for (const where of found.places) {
        const rest = this.#told.get(where)?.filter((call) => call !== found)
        if (rest) this.#told.set(where, rest)
      }
      return found
    }
    return undefined
  }

  #add(call: Call): void {
    for (const place of call.places) {
      const calls = this.#told.get(place) ?? []
      if (calls.length < MAX_CALLS_OF_A_KEY) calls.push(call)
      this.#told.set(place, calls)
    }
  }

  #placesOf({ keys, sessionId, callKey }: TellingOfCall): readonly string[] {
    const owners = sessionId ? [...keys, `session:${sessionId}`] : keys
    return owners.map((owner) => this.#senders.keyOf(`${owner}|${callKey}`))
  }
}
