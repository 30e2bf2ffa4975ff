import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { filled } from '../../../test/reader/reader-of.js'
import { runEvent } from '../../../test/reader/run-events.js'
import { fieldsOf } from '../../events/recorded-fields.js'
import type { AuditStore, SeqCursor } from '../../store/contract.js'
import { memoryStore } from '../../store/memory/index.js'
import { sealedEntries } from '../../testing/index.js'
import { readRunEvents } from './read-run.js'

const SIZE = 9000

/** In a row up to 5,000, then every seventh entry. */
const isOfRun = (seq: number) => seq < 5000 || seq % 7 === 0

describe('reading the events of a run', () => {
  let store: AuditStore
  const opened = { postings: 0, closed: 0 }

  beforeEach(async () => {
    const entries = sealedEntries(SIZE, (n) => runEvent('custom', { name: 'n' }, { runId: isOfRun(n) ? 'r-1' : 'r-2' }))
    store = await filled(memoryStore(), [entries])
    Object.assign(opened, { postings: 0, closed: 0 })
    const postings = store.postings.bind(store)
    store.postings = (...asked): SeqCursor => {
      const cursor = postings(...asked)
      opened.postings++
      return { next: (target) => cursor.next(target), close: () => cursor.close().then(() => void opened.closed++) }
    }
  })

  afterEach(() => store.close())

  async function seqsRead(reverse: boolean, walk = { from: 0, to: SIZE }): Promise<number[]> {
    const seqs: number[] = []
    for await (const events of readRunEvents(store, 'r-1', { ...walk, reverse })) {
      expect(events.every(({ runId, data }) => runId === 'r-1' && 'name' in fieldsOf(data))).toBe(true)
      seqs.push(...events.map(({ seq }) => seq))
    }
    return seqs
  }

  test('gives each once, where they lie in a row and where they lie apart, in either direction', async () => {
    const expected = Array.from({ length: SIZE }, (_, seq) => seq).filter(isOfRun)
    expect(await seqsRead(false)).toEqual(expected)
    expect(await seqsRead(true)).toEqual(expected.toReversed())
    const part = { from: 100, to: 8000 }
    expect(await seqsRead(false, part)).toEqual(expected.filter((seq) => seq >= 100 && seq < 8000))
    expect(opened).toEqual({ postings: 3, closed: 3 })
  })

  test('closes what it opened when the consumer leaves', async () => {
    for await (const _ of readRunEvents(store, 'r-1', { from: 0, to: SIZE, reverse: false })) break
    expect(opened).toEqual({ postings: 1, closed: 1 })
  })

  test.each([
    ['in a row', 2500],
    ['apart', 7000],
  ])('rejects at an entry that is missing among those %s', async (_, missing) => {
    const entries = store.entries.bind(store)
    store.entries = async function* (walk) {
      for await (const chunk of entries(walk)) yield chunk.filter(({ seq }) => seq !== missing)
    }
    const read = store.read.bind(store)
    store.read = async (seqs) => (await read(seqs)).map((bytes, at) => (seqs[at] === missing ? undefined : bytes))
    await expect(seqsRead(false)).rejects.toMatchObject({
      code: 'AUDIT_LOG_CORRUPT',
      message: expect.stringContaining(`entry ${missing} is missing`),
    })
    expect(opened).toEqual({ postings: 1, closed: 1 })
  })
})
