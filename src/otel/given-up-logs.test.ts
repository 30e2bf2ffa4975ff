import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { CollectingLog } from '../../test/support/collecting-log.js'
import { openAuditLog } from '../audit-log/index.js'
import { AuditLogError } from '../events/errors.js'
import type { Timestamp } from '../events/time.js'
import { stagingAt } from '../ledger/log-directories.js'
import { ABANDON, type AbandonableLog, type Abandoned } from '../log/abandoned.js'
import type { AuditLogWriter, RecordInput } from '../log/contract.js'
import { journalKeyFrom } from '../log/journal/journal-key.js'
import { systemClock } from '../log/sealing/clock.js'
import { Sealer } from '../log/sealing/seal.js'
import type { SealedEntry } from '../store/contract.js'
import { OpeningLog } from './opening-log.js'

const recall = (namespaceKey: string): RecordInput => ({ type: 'memory_recall', data: { tier: 'm', namespaceKey } })
const SECRET = Buffer.alloc(32, 7)
const FIRST = '2026-01-01T00:00:00.000Z' as Timestamp
const LAST = '2026-01-02T00:00:00.000Z' as Timestamp

/** A log whose directory a test removes, and what it then hands over. */
class LeavingLog extends CollectingLog implements AbandonableLog {
  left: () => Partial<Abandoned> = () => ({})
  readonly toldDropped: Record<string, number> = {}

  async [ABANDON](): Promise<Abandoned> {
    const nothing = { logId: 'gone', origin: 'gone.example', size: 0, lastLeaf: undefined, entries: [], gaps: [] }
    return { ...nothing, from: FIRST, to: LAST, ...this.left() }
  }

  override counters(): ReturnType<AuditLogWriter['counters']> {
    return { ...super.counters(), dropped: this.toldDropped }
  }
}

function sealed(...names: string[]): SealedEntry[] {
  const sealer = new Sealer(systemClock(), 'gone.example')
  return names.map((name) => sealer.seal(recall(name), false).entry)
}

const damaged = ({ byteLength, leafHash, event, callerId }: SealedEntry): SealedEntry => ({
  bytes: Buffer.from('{'),
  byteLength,
  leafHash,
  event,
  callerId,
})

/** A stand-in that gives each log in turn, and whose log is removed when the test says so. */
async function openingOf(...logs: CollectingLog[]) {
  const removals: (() => void)[] = []
  const left = [...logs]
  const opening = new OpeningLog<AuditLogWriter>('audit', {
    staging: undefined,
    open: async (onRemoved) => {
      removals.push(onRemoved)
      return left.shift() as AuditLogWriter
    },
  })
  await opening.opened
  const remove = async () => {
    removals.at(-1)?.()
    await opening.opened
  }
  return { opening, remove }
}

const namesIn = (log: CollectingLog) => log.of('memory_recall').map(({ data }) => data.namespaceKey)
const gapsIn = (log: CollectingLog) => log.of('events_dropped').map(({ data }) => data)

test('what a log had stored is a gap in the next one, and counted', async () => {
  const [first, next] = [new LeavingLog(), new LeavingLog()]
  const { opening, remove } = await openingOf(first, next)
  for (const name of ['a', 'b', 'c']) opening.record(recall(name))
  first.left = () => ({ entries: sealed('c') })
  await remove()
  expect(namesIn(next)).toEqual(['c'])
  expect(gapsIn(next)).toEqual([{ reason: 'log_removed', count: 2, from: FIRST, to: LAST }])
  expect(opening.counters().dropped).toEqual({ log_removed: 2 })
})

test('an event that cannot be carried over is in the gap, and those around it are carried over', async () => {
  const [first, next] = [new LeavingLog(), new LeavingLog()]
  const { opening, remove } = await openingOf(first, next)
  for (const name of ['a', 'b', 'c']) opening.record(recall(name))
  first.left = () => ({ entries: sealed('a', 'b', 'c').map((entry, at) => (at === 1 ? damaged(entry) : entry)) })
  await remove()
  expect(namesIn(next)).toEqual(['a', 'c'])
  expect(gapsIn(next)).toMatchObject([{ reason: 'log_removed', count: 1 }])
  expect(opening.counters().dropped).toEqual({ log_removed: 1 })
})

test.each([
  [
    'cannot say what it had not stored',
    () => {
      const log = new LeavingLog()
      log.left = () => {
        throw new Error('it cannot be closed')
      }
      return log
    },
  ],
  ['is of another make', () => new CollectingLog()],
])('all that a log had recorded which %s is a gap', async (_, make) => {
  const [first, next] = [make(), new LeavingLog()]
  const { opening, remove } = await openingOf(first, next)
  for (const name of ['a', 'b']) opening.record(recall(name))
  await remove()
  const [gap] = gapsIn(next)
  expect(gap).toMatchObject({ reason: 'log_removed', count: 2 })
  expect(gap && gap.to >= gap.from).toBe(true)
  expect(opening.counters().dropped).toEqual({ log_removed: 2 })
  opening.record(recall('c'))
  expect(namesIn(next)).toEqual(['c'])
})

test('what a log had dropped before it was given up stays counted, and is told where the log had not told it', async () => {
  const [first, next] = [new LeavingLog(), new LeavingLog()]
  const { opening, remove } = await openingOf(first, next)
  first.toldDropped.queue_full = 3
  const untold = { reason: 'queue_full', count: 3, from: FIRST, to: LAST }
  first.left = () => ({ gaps: [{ type: 'events_dropped', data: untold }] })
  await remove()
  expect(gapsIn(next)).toEqual([untold])
  next.toldDropped.queue_full = 1
  expect(opening.counters().dropped).toEqual({ queue_full: 4 })
})

test('a log that is removed before it is open is given up as well', async () => {
  const [first, next] = [new LeavingLog(), new LeavingLog()]
  const left = [first, next]
  let retry: (() => void) | undefined
  const opening = new OpeningLog<AuditLogWriter>('audit', {
    staging: undefined,
    startTimer: (_, callback) => {
      retry = callback
      return () => {}
    },
    open: async (onRemoved) => {
      if (left.length === 2) onRemoved()
      return left.shift() as AuditLogWriter
    },
  })
  opening.record(recall('a'))
  await expect(opening.opened).rejects.toMatchObject({ code: 'AUDIT_LOG_REMOVED' })
  retry?.()
  await opening.opened
  expect([namesIn(first), namesIn(next)]).toEqual([[], ['a']])
})

test('the gap outlives a process that does not open another log', async () => {
  const base = mkdtempSync(join(tmpdir(), 'spanledger-'))
  onTestFinished(() => rmSync(base, { recursive: true, force: true }))
  const location = join(base, 'audit')
  const first: CollectingLog[] = [new LeavingLog()]
  let remove = () => {}
  const opening = new OpeningLog<AuditLogWriter>(location, {
    staging: stagingAt(location),
    journalKey: journalKeyFrom('test', SECRET),
    startTimer: () => () => {},
    open: async (onRemoved) => {
      const log = first.shift()
      if (!log) throw new AuditLogError('AUDIT_LOG_LOCKED', 'somebody else has it')
      remove = onRemoved
      return log
    },
  })
  await opening.opened
  for (const name of ['a', 'b']) opening.record(recall(name))
  remove()
  await expect(opening.opened).rejects.toThrow('somebody else')
  await opening.close(async () => {})
  const log = await openAuditLog(location, { journalKey: SECRET })
  onTestFinished(() => log.close())
  const [gap] = await log.events({ type: 'events_dropped' }).toArray()
  expect(gap).toMatchObject({ statementOf: expect.any(String), data: { reason: 'log_removed', count: 2 } })
})
