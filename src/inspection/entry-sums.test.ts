import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { FiledEvent } from '../store/contract.js'
import type { FiledEntry } from '../store/filed-event.js'
import { NameHashes } from '../store/leveldb/hash-key.js'
import { valueKey } from '../store/leveldb/indexes/keys.js'
import { postingsOf } from '../store/postings.js'
import { EntrySums } from './entry-sums.js'
import { INDEX_NAMES, newSumKey, PostingSums } from './posting-sums.js'

const name = fc.constantFrom('a', 'b', 'run_x', 'run_started', '\ud800', 'é', 'x'.repeat(200))
const optional = fc.option(name, { nil: undefined })
const event = fc.record({
  type: name,
  time: name,
  recordedAt: name,
  tenantId: name,
  sessionId: name,
  runId: optional,
  parentRunId: optional,
  agent: fc.option(fc.record({ id: optional, name: optional }), { nil: undefined }),
  actorId: optional,
  toolName: optional,
}) as fc.Arbitrary<unknown> as fc.Arbitrary<FiledEvent>

it('sums up the postings that the log makes of the same entries', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 40 }), (events) => {
      const sumKey = newSumKey()
      const hashes = new NameHashes(Buffer.alloc(16, 7))
      const sums = new EntrySums(sumKey, hashes, 0)
      for (const [seq, each] of events.entries()) sums.add(each, seq)
      const expected = INDEX_NAMES.map(() => new PostingSums(sumKey, 1))
      const entries = events.map((each) => ({ event: each })) as unknown as readonly FiledEntry[]
      for (const { index, value, seqs } of postingsOf(entries, 0)) {
        const sum = expected[INDEX_NAMES.indexOf(index)] as PostingSums
        const parts = value.map((part) => hashes.of(part))
        sum.under(valueKey(index, parts))
        sum.add(seqs)
      }
      expect(sums.sums.map(({ words }) => words)).toEqual(expected.map(({ words }) => words))
    }),
  )
})
