/** What one source gives next. */
interface Lead<T> {
  readonly source: AsyncIterator<T>
  item: T
}

/**
 * Merges sources by time: of what each gives next, the earliest (or, in reverse, the latest) comes first, and that of
 * the first source where they are equal. The order within a source stays as it is. It reads one item ahead of each.
 */
export async function* mergeByTime<T>(
  sources: readonly AsyncIterable<T>[],
  timeOf: (item: T) => string,
  reverse: boolean,
): AsyncGenerator<T, void, undefined> {
  const iterators = sources.map((source) => source[Symbol.asyncIterator]())
  try {
    const firsts = await Promise.all(iterators.map((source) => source.next()))
    const leads = firsts.flatMap((first, at): Lead<T>[] =>
      first.done ? [] : [{ source: iterators[at] as AsyncIterator<T>, item: first.value }],
    )
    while (leads.length > 0) {
      let at = 0
      for (let other = 1; other < leads.length; other++) {
        const [one, two] = [timeOf((leads[other] as Lead<T>).item), timeOf((leads[at] as Lead<T>).item)]
        if (reverse ? one > two : one < two) at = other
      }
      const lead = leads[at] as Lead<T>
      yield lead.item
      const next = await lead.source.next()
      if (next.done) leads.splice(at, 1)
      else lead.item = next.value
    }
  } finally {
    await Promise.all(iterators.map((source) => source.return?.()))
  }
}

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
