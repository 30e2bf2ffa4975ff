import type { StoredEvent } from '../../events/types.js'
import type { ReadableStore } from '../../store/readable.js'
import type { ContentChoice } from './choice.js'

/** Puts content back into events that were read from a store. */
export interface Restorer {
  /** @param events - parsed anew: they are changed */
  restore(events: readonly StoredEvent[], choice: ContentChoice): Promise<void>
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
