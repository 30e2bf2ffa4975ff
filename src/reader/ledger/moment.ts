import type { StoredEvent } from '../../events/types.js'
import type { ReadableStore } from '../../store/readable.js'
import { restoreAs } from '../content/restorers.js'
import { type Identities, identitiesOf, type LogUpTo, NO_IDENTITIES, readTogether } from '../query/identities.js'
import { LogView } from './log-view.js'

/** A log of several that are read as one. */
export interface SiblingLog {
  readonly number: number
  readonly store: ReadableStore
}

/** A log as of a moment. */
export interface LogPart {
  readonly log: number
  /** A view of the log: what is asked of it counts the statements of its siblings too. */
  readonly store: ReadableStore
  readonly size: number
}

/** An event of one of several logs. */
export type LoggedEvent = StoredEvent & { readonly log: number }

/** The position of an entry in a ledger of several logs. */
export interface LedgerPosition {
  readonly log: number
  readonly seq: number
}

/** Several logs as they are at one moment. The logs only grow, so what is read of it stays the same. */
export class Moment {
  /** By their numbers. */
  readonly parts: readonly LogPart[]
  readonly #owner: object
  readonly #logs: readonly LogUpTo[]

  /**
   * @param owner - the same object for all moments of these logs
   * @param sizes - how far each log reaches, by its number
   */
  constructor(owner: object, logs: readonly SiblingLog[], sizes: ReadonlyMap<number, number>) {
    this.#owner = owner
    const known = logs.map(({ number, store }) => ({ number, store, size: sizes.get(number) ?? 0 }))
    this.#logs = known
    this.parts = known.map(({ number, store, size }) => ({ log: number, store: this.#view(store, size), size }))
  }

  /** Lets the statements of all logs count for what is read from a store. */
  joined<S extends ReadableStore>(store: S): S {
    readTogether(store, { ledger: this.#owner, logs: this.#logs })
    return store
  }

  /** Returns whose the runs are. */
  async identities(): Promise<Identities> {
    const [first] = this.parts
    return first ? await identitiesOf(first.store, first.size) : NO_IDENTITIES
  }

  /** Returns the logs that have events of a run with this id, whosever it is. */
  async withRun(runId: string): Promise<readonly LogPart[]> {
    const counts = await Promise.all(
      this.parts.map(({ store, size }) => store.countPostings('run', [runId], { from: 0, to: size }, 1)),
    )
    return this.parts.filter((_, at) => (counts[at] as number) > 0)
  }

  #view(store: ReadableStore, size: number): ReadableStore {
    const view = new LogView(store, size)
    restoreAs(view, store)
    return this.joined(view)
  }
}

/** Returns an event with the number of its log. */
export function inLog(event: StoredEvent, log: number): LoggedEvent {
  return Object.assign(event, { log })
}

/** Compares two events that each come first in their logs: that of the earlier time, and of equal times that of the lower log. */
export function comesBefore(
  one: { readonly time: string; readonly log: number },
  other: { readonly time: string; readonly log: number },
): boolean {
  return one.time < other.time || (one.time === other.time && one.log < other.log)
}
