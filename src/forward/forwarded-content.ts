import { keptFieldsIn, statedContentIn } from '../events/stated-content.js'
import { type ContentChoice, takesIn } from '../reader/content/choice.js'
import type { SealedContent, SealedEntry } from '../store/contract.js'
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
  const keeping = [...group.keys()].filter((at) => keptFieldsIn((group[at] as SealedEntry).bytes).length > 0)
  if (keeping.length === 0) return group
  const found = await log[SEALED_CONTENT](keeping.map((at) => from + at))
  const sealed = new Map(keeping.map((at, n) => [at, found[n] ?? []]))
  return group.map((entry, at) => {
    const content = chosen(entry, sealed.get(at) ?? [], choice)
    return content.length === 0 ? entry : { ...entry, content }
  })
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
