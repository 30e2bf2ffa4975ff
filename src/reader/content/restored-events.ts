import type { ResolvedContent } from '../../content/contract.js'
import { statedContentIn, statedContentOf } from '../../events/stated-content.js'
import type { StoredEvent } from '../../events/types.js'
import type { StoredEntry } from '../../store/contract.js'
import type { ReadableStore } from '../../store/readable.js'
import { type ContentChoice, keptBytes } from './choice.js'
import { type Restorer, restorerOf } from './restorers.js'

/** Bytes of content that are read at a time, unless one event has more: it bounds what is in memory. */
const MAX_PART_BYTES = 4 * 1024 * 1024

/** Puts the content that is asked for back into events, batch by batch. */
export async function* restored(
  restorer: Restorer | undefined,
  choice: ContentChoice = 'none',
  batches: AsyncIterable<readonly StoredEvent[]>,
): AsyncGenerator<readonly StoredEvent[]> {
  if (choice === 'none' || !restorer) {
    yield* batches
    return
  }
  for await (const events of batches) {
    for (const part of inParts(events, (event) => keptBytes(statedContentOf(event.content), choice))) {
      await restorer.restore(part, choice)
      yield part
    }
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

/** Gives entries with the content that is asked for. */
export async function* resolvedEntries<E extends StoredEntry>(
  restorer: Restorer | undefined,
  choice: ContentChoice = 'none',
  batches: AsyncIterable<readonly E[]>,
): AsyncGenerator<readonly (E & { readonly content?: readonly ResolvedContent[] })[]> {
  if (choice === 'none' || !restorer) {
    yield* batches
    return
  }
  for await (const entries of batches) {
    for (const part of entryParts(entries, choice)) {
      const content = await restorer.resolve(part, choice)
      yield part.map((entry, at) => ({ ...entry, content: content[at] ?? [] }))
    }
  }
}

/** Parts a batch of entries, so that each has little content. */
export function entryParts<E extends StoredEntry>(
  entries: readonly E[],
  choice: ContentChoice,
): Iterable<readonly E[]> {
  return inParts(entries, ({ bytes }) => keptBytes(statedContentIn(bytes), choice))
}

function* inParts<T>(items: readonly T[], bytesOf: (item: T) => number): Generator<readonly T[]> {
  let part: T[] = []
  let length = 0
  for (const item of items) {
    const bytes = bytesOf(item)
    if (part.length > 0 && length + bytes > MAX_PART_BYTES) {
      yield part
      part = []
      length = 0
    }
    part.push(item)
    length += bytes
  }
  if (part.length > 0) yield part
}
