import { beforeEach, expect, test, vi } from 'vitest'
import { filled } from '../../../test/reader/reader-of.js'
import { memoryStore } from '../../store/memory/index.js'
import { sealedEntries } from '../../testing/index.js'
import { type AuditLogReader, createReader } from '../index.js'

const built = vi.hoisted(() => ({ plans: 0 }))

vi.mock('./plan.js', async (original) => {
  const module = await original<typeof import('./plan.js')>()
  return {
    ...module,
    Plan: class extends module.Plan {
      constructor(...args: ConstructorParameters<typeof module.Plan>) {
        super(...args)
        built.plans++
      }
    },
  }
})

let reader: AuditLogReader

beforeEach(async () => {
  const store = await filled(memoryStore(), [sealedEntries(300)])
  reader = createReader(store, { barrier: async () => {}, eventTypes: [] })
  built.plans = 0
})

test('all iterations and pages of a query share one plan', async () => {
  const results = reader.events({ sessionId: 's', order: 'desc' })
  expect(await results.toArray()).toHaveLength(300)
  let read = 0
  for await (const _ of results) read++
  expect(read).toBe(300)
  const seqs: number[] = []
  let cursor: string | undefined
  do {
    const page = await results.page({ size: 40, cursor })
    seqs.push(...page.items.map(({ seq }) => seq))
    cursor = page.cursor
  } while (cursor)
  expect(seqs).toEqual(Array.from({ length: 300 }, (_, at) => 299 - at))
  expect(built.plans).toBe(1)
})

test('entries, counts and following take one plan each', async () => {
  const entries = reader.entries({ type: 'custom' })
  await entries.page({ size: 10 })
  await entries.toArray()
  expect(built.plans).toBe(1)
  await reader.events({ sessionId: 's', type: 'custom' }).count()
  expect(built.plans).toBe(2)
  const stop = new AbortController()
  let followed = 0
  for await (const _ of reader.follow({ sessionId: 's' }, { afterSeq: -1, signal: stop.signal })) {
    if (++followed === 300) break
  }
  expect(built.plans).toBe(3)
})
