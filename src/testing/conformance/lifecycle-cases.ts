import assert from 'node:assert/strict'
import type { AuditEvent } from '../../events/types.js'
import type { AuditStore } from '../../store/contract.js'
import { timeRanges } from '../../store/time-blocks.js'
import { sealedEntries, sealedEntry } from '../sealed-entry.js'
import { type ConformanceCase, collect, drain, EVERYTHING, entriesOf, INDEXES, texts } from './case.js'

/** Every method that needs an open store, and a use of it; `undefined` from an engine without that method. */
const USES: Readonly<Record<string, (store: AuditStore) => Promise<unknown> | undefined>> = {
  'commit()': (store) => store.commit(sealedEntries(1)),
  'commit() of an empty group': (store) => store.commit([]),
  'entries()': (store) => collect(store.entries(EVERYTHING)),
  'read()': (store) => store.read([0]),
  'postings()': (store) => store.postings('tenant', ['t'], EVERYTHING).next(),
  'countPostings()': (store) => store.countPostings('tenant', ['t'], EVERYTHING),
  'firstOfEach()': (store) => collect(store.firstOfEach('tenant')),
  'positionsOf()': (store) => store.positionsOf([{ tenantId: 't', id: 'a' }]),
  'openRuns()': (store) => store.openRuns(),
  'timeBlocks()': (store) => collect(store.timeBlocks(0, EVERYTHING)),
  'readTiles()': (store) => store.readTiles([{ level: 0, index: 0, width: 3 }]),
  'removedUnder()': (store) => store.removedUnder?.([0]),
  'runRows()': (store) => store.runRows?.([{ tenantId: 't', runId: 'r' }], 1),
  'indexReady()': (store) => store.indexReady?.(),
  'refresh()': (store) => store.refresh?.(),
}

const CLOSED = { name: 'AuditLogError', code: 'AUDIT_LOG_CLOSED' }

/** Opening, closing, and what lasts. */
export const lifecycleCases: readonly ConformanceCase[] = [
  ...Object.entries(USES).map(([name, use]) => ({
    name: `${name} of a closed store rejects with AUDIT_LOG_CLOSED`,
    async run({ store }: { store: AuditStore }) {
      await store.commit(sealedEntries(3))
      const used = use(store)
      if (!used) return
      await used
      await store.close()
      await assert.rejects(async () => use(store), CLOSED)
    },
  })),
  {
    name: 'reads under way when the store closes reject with AUDIT_LOG_CLOSED, rather than end as if complete',
    async run({ store }) {
      await store.commit(sealedEntries(5_000))
      const cursor = store.postings('tenant', ['t'], EVERYTHING)
      const entries = store.entries(EVERYTHING)[Symbol.asyncIterator]()
      await cursor.next()
      await entries.next()
      await store.close()
      await assert.rejects(cursor.next(), CLOSED)
      await assert.rejects(async () => await entries.next(), CLOSED)
      await cursor.close()
    },
  },
  {
    name: 'a commit under way when the store closes is kept or rejects, and never hangs',
    async run({ store, reopen }) {
      const committing = store.commit(sealedEntries(500)).then(
        ({ size }) => size,
        () => 0,
      )
      await store.close()
      const size = await committing
      if (!reopen) return
      assert.equal((await reopen()).size, size)
    },
  },
  {
    name: 'opening an open store and closing a closed one do nothing',
    async run({ store }) {
      await store.commit(sealedEntries(2))
      await store.open()
      assert.equal(store.size, 2)
      await Promise.all([store.close(), store.close()])
      await store.close()
    },
  },
  {
    name: 'what was committed is there after reopening, and the log goes on behind it',
    async run({ store, reopen }) {
      if (!reopen) return
      const entries = sealedEntries(600, (n) => ({
        sessionId: `s-${n % 5}`,
        runId: `r-${n % 3}`,
        agent: { name: 'planner' },
        ...(n === 17 ? { id: 'chosen' } : {}),
      }))
      await store.commit(entries.slice(0, 300))
      const again = await reopen()
      assert.equal(again.size, 300)
      assert.deepEqual((await again.commit([sealedEntry({ id: 'chosen' })])).seqs, [17])
      const { seqs } = await again.commit(entries.slice(300))
      assert.equal(seqs[0], 300)
      assert.deepEqual(texts(await entriesOf(again)), texts(entries))
      assert.equal((await drain(again.postings('session', ['s-2', 't'], EVERYTHING))).length, 120)
      assert.equal(await again.countPostings('agent', ['planner'], EVERYTHING), 600)
      assert.equal((await collect(again.firstOfEach('run'))).length, 3)
      assert.deepEqual(await collect(timeRanges(again, undefined, undefined, EVERYTHING)), [{ from: 0, to: 600 }])
    },
  },
  {
    name: 'what the writer says with a commit is stored with it, also without entries',
    async run({ store, reopen }) {
      assert.equal(store.journalPosition, undefined)
      assert.equal(store.closedInOrder, true)
      await store.commit(sealedEntries(1), { journal: { segment: 3, offset: 2 ** 33 + 1 } })
      assert.deepEqual(store.journalPosition, { segment: 3, offset: 2 ** 33 + 1 })
      assert.equal(store.closedInOrder, false)
      const journal = { segment: 4, offset: 0 }
      assert.deepEqual(await store.commit([], { journal, closed: true }), { seqs: [], size: 1, firstNew: 1 })
      const closed = (await reopen?.()) ?? store
      assert.deepEqual(closed.journalPosition, journal)
      assert.equal(closed.closedInOrder, true)
      await closed.commit([], {})
      const open = (await reopen?.()) ?? closed
      assert.deepEqual(open.journalPosition, journal)
      assert.equal(open.closedInOrder, false)
      assert.equal(open.size, 1)
    },
  },
  {
    name: 'runs that began and did not end are known, each by the event that began it last',
    async run({ store, reopen }) {
      const event = (type: string, runId: string, tenantId = 't') =>
        sealedEntry({ type, runId, tenantId } as Partial<AuditEvent>)
      await store.commit([
        event('run_started', 'a'),
        event('run_started', 'b'),
        event('custom', 'c'),
        event('run_started', 'a', 'other'),
        event('run_started', 'short'),
        event('run_failed', 'short'),
      ])
      assert.deepEqual(await store.openRuns(), [0, 1, 3])
      await store.commit([event('run_suspended', 'a'), event('run_note', 'b'), event('run_completed', 'unknown')])
      assert.deepEqual(await store.openRuns(), [1, 3])
      await store.commit([event('run_interrupted', 'b'), event('resumed', 'a')])
      assert.deepEqual(await ((await reopen?.()) ?? store).openRuns(), [3, 10])
    },
  },
  {
    name: 'a run that is told late whose it is goes on as that of its tenant, and ends as such',
    async run({ store, reopen }) {
      const event = (type: string, runId: string, tenantId = 't') =>
        sealedEntry({ type, runId, tenantId } as Partial<AuditEvent>)
      const identified = (runId: string, statementOf?: string) =>
        sealedEntry({
          type: 'run_identified',
          runId,
          tenantId: 'late',
          data: { previous: { tenantId: 't' } },
          ...(statementOf !== undefined && { statementOf }),
        })
      await store.commit([event('run_started', 'a'), event('run_started', 'b'), event('run_started', 'c')])
      await store.commit([identified('a', 'log'), identified('b', 'log'), identified('c')])
      assert.deepEqual(await store.openRuns(), [2, 3, 4])
      await store.commit([event('run_completed', 'a', 'late'), event('run_completed', 'c')])
      assert.deepEqual(await store.openRuns(), [4])
      assert.deepEqual(await ((await reopen?.()) ?? store).openRuns(), [4])
    },
  },
  {
    name: 'a log is told from every other by an id that it keeps, and has a name',
    async run({ store, reopen }) {
      const { id, location } = store
      assert.match(id, /^[\da-f]{16}$/)
      assert.ok(location.length > 0)
      await store.commit(sealedEntries(1))
      const again = (await reopen?.()) ?? store
      assert.equal(again.id, id)
      assert.equal(again.location, location)
    },
  },
  {
    name: 'what was committed is there after refreshing, and the indexes are up to date once that was waited for',
    async run({ store }) {
      await store.commit(sealedEntries(3))
      await store.refresh?.()
      assert.equal(store.size, 3)
      await store.indexReady?.()
      assert.equal(store.indexState ?? 'ok', 'ok')
      assert.equal(await store.countPostings('tenant', ['t'], EVERYTHING), 3)
    },
  },
  {
    name: 'an empty log is empty after reopening',
    async run({ reopen }) {
      if (!reopen) return
      const again = await reopen()
      assert.equal(again.size, 0)
      assert.deepEqual(await entriesOf(again), [])
      for (const index of INDEXES) assert.deepEqual(await collect(again.firstOfEach(index)), [])
    },
  },
]
