/** Items that are merged before they are handed on: more would only wait. */
const MAX_BATCH = 256

/** An item, and the number of its source. */
export interface Merged<T> {
  readonly item: T
  readonly source: number
}

/** The state of a source that is read. */
interface Lead<T> {
  readonly source: number
  readonly batches: AsyncIterator<readonly T[]>
  batch: readonly T[]
  at: number
  time: string
}

/**
 * Merges batches of sources by time: of what each source gives next, the earliest comes first, or in reverse the latest. Where two
 * times are equal, that of the first source comes first, in reverse that of the last. One batch of each source is held.
 */
export async function* mergeBatches<T>(
  sources: readonly AsyncIterable<readonly T[]>[],
  timeOf: (item: T) => string,
  reverse: boolean,
): AsyncGenerator<readonly Merged<T>[], void, undefined> {
  const iterators = sources.map((source) => source[Symbol.asyncIterator]())
  try {
    const found = await Promise.all(iterators.map((batches, source) => leadOf(batches, source, timeOf)))
    const leads = found.filter((lead) => lead !== undefined)
    let merged: Merged<T>[] = []
    while (leads.length > 0) {
      const at = firstOf(leads, reverse)
      const lead = leads[at] as Lead<T>
      merged.push({ item: lead.batch[lead.at] as T, source: lead.source })
      if (++lead.at < lead.batch.length) lead.time = timeOf(lead.batch[lead.at] as T)
      else {
        // What there is goes on before more is read: its consumer may want no more.
        yield merged
        merged = []
        if (!(await moveOn(lead, timeOf))) leads.splice(at, 1)
      }
      if (merged.length < MAX_BATCH) continue
      yield merged
      merged = []
    }
  } finally {
    await Promise.all(iterators.map((source) => source.return?.()))
  }
}

function firstOf<T>(leads: readonly Lead<T>[], reverse: boolean): number {
  let first = 0
  for (let other = 1; other < leads.length; other++) {
    const [one, two] = [(leads[other] as Lead<T>).time, (leads[first] as Lead<T>).time]
    if (reverse ? one >= two : one < two) first = other
  }
  return first
}

async function leadOf<T>(
  batches: AsyncIterator<readonly T[]>,
  source: number,
  timeOf: (item: T) => string,
): Promise<Lead<T> | undefined> {
  const lead: Lead<T> = { source, batches, batch: [], at: 0, time: '' }
  return (await moveOn(lead, timeOf)) ? lead : undefined
}

/** Reads the next batch of a source. @returns false at its end */
async function moveOn<T>(lead: Lead<T>, timeOf: (item: T) => string): Promise<boolean> {
  for (let next = await lead.batches.next(); !next.done; next = await lead.batches.next()) {
    if (next.value.length === 0) continue
    lead.batch = next.value
    lead.at = 0
    lead.time = timeOf(next.value[0] as T)
    return true
  }
  return false
}
