import { keptFieldsIn, statedContentIn } from '../events/stated-content.js'
import { type ContentChoice, keptBytes, takesIn } from '../reader/content/choice.js'
import { MAX_CONTENT_BYTES, type SealedContent, type SealedEntry } from '../store/contract.js'
import { isSealedContentSource, SEALED_CONTENT } from '../store/sealed-content-source.js'
import type { ForwardedLog } from './options.js'

/**
 * Adds to the entries of a group the content that goes with them, encrypted as it is: it is bound to the leaf hash, not to the place.
 *
 * @param from - position of the first of them
 * @throws what the store of the log throws
 */
export async function withContent(
  log: ForwardedLog,
  from: number,
  group: readonly SealedEntry[],
  choice: ContentChoice,
): Promise<readonly SealedEntry[]> {
  if (choice === 'none' || !isSealedContentSource(log)) return group
  const sealed = await log[SEALED_CONTENT](group.map((_, at) => from + at))
  return group.map((entry, at) => {
    const content = chosen(entry, sealed[at] ?? [], choice)
    return content.length === 0 ? entry : { ...entry, content }
  })
}

/** Returns the bytes of content that go with an entry, as far as it says. */
export function keptBytesIn(entry: Uint8Array, choice: ContentChoice): number {
  if (choice === 'none' || keptFieldsIn(entry).length === 0) return 0
  return Math.min(keptBytes(statedContentIn(entry), choice), MAX_CONTENT_BYTES)
}

function chosen(
  { bytes }: SealedEntry,
  sealed: readonly SealedContent[],
  choice: ContentChoice,
): readonly SealedContent[] {
  if (sealed.length === 0 || choice === 'all') return sealed
  const items = statedContentIn(bytes)?.items ?? []
  const fields = new Set(items.filter((item) => takesIn(choice, item.class)).map(({ field }) => field))
  return sealed.filter(({ field }) => fields.has(field))
}
