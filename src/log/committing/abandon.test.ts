import { expect, test } from 'vitest'
import { EventSchemas } from '../../events/validate.js'
import { memoryStore } from '../../store/memory/index.js'
import { ABANDON } from '../abandoned.js'
import type { RecordInput } from '../contract.js'
import { LogEmitter } from '../log-emitter.js'
import { systemClock } from '../sealing/clock.js'
import { Sealer } from '../sealing/seal.js'
import { LogWriter } from './writer.js'

const ORIGIN = 'test.example/log'
const note = (name: string) => ({ type: 'custom', data: { name, pad: 'x'.repeat(20_000) } }) satisfies RecordInput

test('a log that is given up hands over what it had not stored and not said, and tells those who wait', async () => {
  const store = memoryStore()
  await store.open()
  const log = new LogWriter({
    store,
    sealer: new Sealer(systemClock(), ORIGIN),
    schemas: new EventSchemas(),
    maxQueueBytes: 70_000,
    emitter: new LogEmitter({ problem: () => {} }),
  })
  const { leafHash } = await log.append(note('stored'))
  store.commit = () => Promise.reject(new Error('it is gone'))
  log.record(note('taken'))
  await expect(log.flush()).rejects.toMatchObject({ code: 'AUDIT_WRITE_FAILED' })
  for (const name of ['and this', 'too', 'too much', 'far too much']) log.record(note(name))
  const waiting = expect(log.append({ type: 'custom', data: { name: 'awaited' } })).rejects.toMatchObject({
    code: 'AUDIT_LOG_REMOVED',
  })
  const left = await log[ABANDON]()
  await waiting
  const names = left.entries.map(({ bytes }) => JSON.parse(Buffer.from(bytes).toString()).data.name)
  expect(names).toEqual(['taken', 'and this', 'too'])
  expect(left.gaps).toMatchObject([{ type: 'events_dropped', data: { reason: 'queue_full', count: 2 } }])
  expect(left).toMatchObject({ logId: store.id, origin: ORIGIN, size: 1, lastLeaf: leafHash })
  expect(log.counters()).toMatchObject({ recorded: 5, dropped: { queue_full: 2 } })
  expect(log.record(note('late'))).toBeUndefined()
})
