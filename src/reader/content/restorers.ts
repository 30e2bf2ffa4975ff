import type { ResolvedContent } from '../../content/contract.js'
import type { StoredEvent } from '../../events/types.js'
import type { StoredEntry } from '../../store/contract.js'
import type { ReadableStore } from '../../store/readable.js'
import type { ContentChoice } from './choice.js'

/** Reads the content of what was read from a store. Never throws for content that is damaged. */
export interface Restorer {
  /** There are keys, so that content may be readable, and actors may have pseudonyms. */
  readonly hasKeys: boolean
  /**
   * Puts content back into events, and the outcome of that into their `content.items`.
   *
   * @param events - parsed anew: they are changed
   */
  restore(events: readonly StoredEvent[], choice: ContentChoice): Promise<void>
  /** Returns the content of entries: for each an item for each value of that choice. */
  resolve(entries: readonly StoredEntry[], choice: ContentChoice): Promise<readonly (readonly ResolvedContent[])[]>
  /** Returns the pseudonyms that an actor has under these tenants, as far as there are keys. */
  pseudonymsOf(actorId: string, tenantIds: Iterable<string>): Promise<readonly string[]>
  /** Does the same for another view of the entries, with the same keys. */
  over(view: ReadableStore): Restorer
}

const RESTORERS = new WeakMap<ReadableStore, Restorer>()

/** Notes what restores the content of events that are read from a store. */
export function restoreBy(store: ReadableStore, restorer: Restorer): void {
  RESTORERS.set(store, restorer)
}

/** Notes that a view has the entries of a store, and their content. */
export function restoreAs(view: ReadableStore, store: ReadableStore | undefined): void {
  const restorer = store && RESTORERS.get(store)
  if (restorer) RESTORERS.set(view, restorer.over(view))
}

/** Returns what restores the content of a store. */
export function restorerOf(store: ReadableStore): Restorer | undefined {
  return RESTORERS.get(store)
}

/** Puts error messages and reasons back into events, as far as they can be read. Whatever is wrong with that, the events are there. */
export async function restoreDiagnostics(store: ReadableStore, events: readonly StoredEvent[]): Promise<void> {
  if (events.length === 0) return
  try {
    await RESTORERS.get(store)?.restore(events, 'diagnostics')
  } catch {
    // What a reader of content would learn of that, it learns from `content()`.
  }
}
