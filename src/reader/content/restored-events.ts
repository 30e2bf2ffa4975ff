import type { StoredEvent } from '../../events/types.js'
import type { ReadableStore } from '../../store/readable.js'
import type { ContentChoice } from './choice.js'
import { type Restorer, restorerOf } from './restorers.js'

/** Puts the content that is asked for back into events, batch by batch. */
export async function* restored(
  restorer: Restorer | undefined,
  choice: ContentChoice | undefined,
  batches: AsyncIterable<readonly StoredEvent[]>,
): AsyncGenerator<readonly StoredEvent[]> {
  for await (const events of batches) {
    if (choice !== undefined) await restorer?.restore(events, choice)
    yield events
  }
}

/** {@link restored}, by what restores the content of a store. */
export function restoredOf(
  store: ReadableStore,
  choice: ContentChoice | undefined,
  batches: AsyncIterable<readonly StoredEvent[]>,
): AsyncGenerator<readonly StoredEvent[]> {
  return restored(restorerOf(store), choice, batches)
}
