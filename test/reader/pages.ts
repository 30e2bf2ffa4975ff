import type { Results } from '../../src/reader/index.js'

/** Everything that pages of these sizes give, one after the other, round and round; `between` comes after each. */
export async function readPages<T>(
  results: Results<T>,
  sizes: readonly number[],
  between: (page: readonly T[]) => Promise<void> = async () => {},
): Promise<T[]> {
  const items: T[] = []
  let cursor: string | undefined
  let pages = 0
  do {
    const page = await results.page({ size: sizes[pages++ % sizes.length] as number, cursor })
    items.push(...page.items)
    cursor = page.cursor
    await between(page.items)
  } while (cursor !== undefined)
  return items
}
