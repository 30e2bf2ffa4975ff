/**
 * Gives what any of the sources gives, as it comes, one item of each ahead of the consumer. Ends when all have ended.
 *
 * @param stop - aborted when it ends, so that sources which wait for something end too
 */
export async function* mergeAsTheyCome<T>(
  sources: readonly AsyncIterable<T>[],
  stop: AbortController,
): AsyncGenerator<T, void, undefined> {
  const arrived: { readonly item: T; taken(): void }[] = []
  let wake = () => {}
  let open = sources.length
  let failed: { readonly problem: unknown } | undefined
  const pump = async (source: AsyncIterable<T>) => {
    try {
      for await (const item of source) {
        if (stop.signal.aborted) return
        await new Promise<void>((taken) => {
          arrived.push({ item, taken })
          wake()
        })
      }
    } catch (problem) {
      failed ??= { problem }
    } finally {
      open--
      wake()
    }
  }
  const pumps = sources.map(pump)
  try {
    while (!failed) {
      const next = arrived.shift()
      if (next) {
        next.taken()
        yield next.item
      } else if (open === 0) return
      else {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    }
    throw failed.problem
  } finally {
    stop.abort()
    for (const { taken } of arrived.splice(0)) taken()
    await Promise.all(pumps)
  }
}
