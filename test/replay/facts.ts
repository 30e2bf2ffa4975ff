import { AuditSpanProcessor } from '../../src/otel/processor.js'
import { CollectingLog } from '../support/collecting-log.js'

/** Returns the recorded events, less what no two recordings have in common, in an order of their own. */
export async function factsFrom(tell: (audit: AuditSpanProcessor) => Promise<void>): Promise<readonly string[]> {
  const log = new CollectingLog()
  const audit = new AuditSpanProcessor({ log })
  await tell(audit)
  await audit.shutdown()
  return log.events
    .filter(({ type }) => !type.startsWith('audit_'))
    .map(({ id: _, seq: __, ...event }) => JSON.stringify(event))
    .sort()
}

/** Shuffles a list and cuts it into batches, the same for the same seed. */
export function atRandom<T>(items: readonly T[], seed: number): readonly (readonly T[])[] {
  const random = numbersFrom(seed)
  const shuffled = items
    .map((item) => ({ item, key: random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item)
  const batches: T[][] = [[]]
  for (const item of shuffled) {
    if (random() < 0.3) batches.push([])
    batches.at(-1)?.push(item)
  }
  return batches
}

/** Marsaglia's xorshift: numbers from 0 to 1. */
function numbersFrom(seed: number): () => number {
  let state = seed
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}
