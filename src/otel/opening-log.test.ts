import { expect, test } from 'vitest'
import { CollectingLog } from '../../test/support/collecting-log.js'
import type { RecordInput } from '../log/contract.js'
import { OpeningLog } from './opening-log.js'

const recall = (namespaceKey: string): RecordInput => ({ type: 'memory_recall', data: { tier: 'm', namespaceKey } })

test('what comes while a log is being opened is handed over in order', async () => {
  const log = new CollectingLog()
  const opening = new OpeningLog('audit', Promise.resolve(log))
  for (const key of ['a', 'b']) opening.record(recall(key))
  expect(opening.stats()).toMatchObject({ recorded: 2, queuedEvents: 2, dropped: {} })
  expect(opening.stats().queuedBytes).toBeGreaterThan(50)
  await opening.opened
  opening.record(recall('c'))
  expect(log.of('memory_recall').map(({ data }) => data.namespaceKey)).toEqual(['a', 'b', 'c'])
})

test('past a bound in bytes it is a gap, told where it is', async () => {
  const log = new CollectingLog()
  const opening = new OpeningLog('audit', Promise.resolve(log), 1000)
  for (const key of ['a', 'x'.repeat(2000), 'b', 'c']) opening.record(recall(key))
  expect(opening.stats().dropped).toEqual({ queue_full: 3 })
  await opening.opened
  opening.record(recall('d'))
  expect(log.types).toEqual(['memory_recall', 'events_dropped', 'memory_recall'])
  const [gap] = log.of('events_dropped')
  expect(gap?.data).toMatchObject({ count: 3, reason: 'queue_full' })
  expect(gap?.data.from).toMatch(/^\d{4}-.*Z$/)
  expect(gap && gap.data.to >= gap.data.from).toBe(true)
  expect(opening.stats().dropped).toEqual({ queue_full: 3 })
})

test('an event that is no JSON yet is kept all the same', async () => {
  const log = new CollectingLog()
  const opening = new OpeningLog('audit', Promise.resolve(log))
  const cyclic: Record<string, unknown> = { name: 'loop' }
  cyclic.self = cyclic
  opening.record({ type: 'custom', data: cyclic as { name: string } })
  await opening.opened
  expect(log.types).toEqual(['custom'])
})

test('what came for a log that cannot be opened is counted', async () => {
  const opening = new OpeningLog('audit', Promise.reject(new Error('no such disk')))
  opening.record(recall('a'))
  await expect(opening.opened).rejects.toThrow('no such disk')
  opening.record(recall('b'))
  expect(opening.stats()).toMatchObject({ recorded: 0, dropped: { open_failed: 2 } })
  expect(opening.health()).toMatchObject({ status: 'failing', cause: 'open_failed' })
})
