import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { CollectingLog } from '../../test/support/collecting-log.js'
import { type AuditLog, openAuditLog } from '../audit-log/index.js'
import { AuditLogError } from '../events/errors.js'
import { stagingAt } from '../ledger/log-directories.js'
import { stagedEvents } from '../ledger/staged-events.js'
import type { RecordInput } from '../log/contract.js'
import { recordStatement } from '../log/statements.js'
import { OpeningLog } from './opening-log.js'
import type { OpeningLogOptions } from './opening-options.js'

const recall = (namespaceKey: string): RecordInput => ({ type: 'memory_recall', data: { tier: 'm', namespaceKey } })

/** Timers that a test lets fire. */
class Timers {
  readonly delays: number[] = []
  #next: (() => void) | undefined = undefined

  readonly start = (delayMillis: number, callback: () => void) => {
    this.delays.push(delayMillis)
    this.#next = callback
    return () => {
      this.#next = undefined
    }
  }

  get isWaiting(): boolean {
    return this.#next !== undefined
  }

  fire(): void {
    const next = this.#next
    this.#next = undefined
    next?.()
  }
}

function newLocation(): string {
  const path = mkdtempSync(join(tmpdir(), 'spanledger-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return join(path, 'audit')
}

interface Opening {
  readonly location: string
  readonly opening: OpeningLog<AuditLog>
  readonly timers: Timers
  readonly warnings: string[]
  /** Each is thrown by one attempt. */
  readonly problems: Error[]
}

function openingAt(options: Partial<OpeningLogOptions<AuditLog>> = {}, problems: Error[] = []): Opening {
  const location = newLocation()
  const timers = new Timers()
  const warnings: string[] = []
  const opening = new OpeningLog<AuditLog>(location, {
    staging: stagingAt(location),
    open: async () => {
      const problem = problems.shift()
      if (problem) throw problem
      return await openAuditLog(location, { signer: false })
    },
    onWarning: (message) => void warnings.push(message),
    startTimer: timers.start,
    random: () => 0,
    ...options,
  })
  onTestFinished(() => opening.close((log) => log.close()).catch(() => undefined))
  return { location, opening, timers, warnings, problems }
}

async function namesIn(log: AuditLog): Promise<unknown[]> {
  return (await log.events({ type: 'memory_recall' }).toArray()).map(({ data }) => data.namespaceKey)
}

const unavailable = () => new AuditLogError('AUDIT_LOG_LOCKED', 'somebody else has it')

test('what comes before a log is open is staged before the call returns', async () => {
  const { location, opening } = openingAt()
  for (const key of ['a', 'b']) opening.record(recall(key))
  const [staged] = stagedEvents(location)
  expect([...(staged?.events() ?? [])].map(({ data }) => data)).toEqual([recall('a').data, recall('b').data])
  expect(staged).toMatchObject({ owner: 'alive', log: undefined, malformed: undefined })
  expect(opening.counters()).toMatchObject({ recorded: 2, queuedEvents: 2, dropped: {} })
  expect(opening.health()).toMatchObject({ status: 'failing', journal: 'ok', cause: 'opening' })
  await opening.opened
})

test('the log gets it in order, with ids and times kept, before anything newer, and an entry that says so', async () => {
  const { location, opening } = openingAt()
  const staged = ['a', 'b'].map((key) => opening.record(recall(key)))
  recordStatement(opening, { type: 'audit_attached', data: { attachment: 'one', openRuns: [] } })
  const log = await opening.opened
  opening.record(recall('c'))
  expect(await namesIn(log)).toEqual(['a', 'b', 'c'])
  const events = await log.events().toArray()
  expect(events.map(({ type }) => type)).toEqual([
    'memory_recall',
    'memory_recall',
    'audit_attached',
    'staging_adopted',
    'memory_recall',
  ])
  expect(events.slice(0, 2).map(({ id, recordedAt }) => [id, recordedAt])).toEqual(
    staged.map((event) => [event?.id, event?.recordedAt]),
  )
  const [, , attached, adopted] = events
  expect(attached?.statementOf).toBe(adopted?.statementOf)
  expect(adopted).toMatchObject({
    statementOf: expect.stringMatching(/^spanledger\.local\//),
    data: { count: 3, unattested: 0, from: staged[0]?.recordedAt, ownerDied: false },
  })
  await opening.close((open) => open.close())
  expect(readdirSync(stagingAt(location))).toEqual([])
})

test('what is beyond the memory is read back from the staging journal, in order', async () => {
  const { opening, timers } = openingAt({ maxMemoryBytes: 5_000 }, [unavailable()])
  await expect(opening.opened).rejects.toThrow('somebody else')
  const names = Array.from({ length: 300 }, (_, n) => `${n}`)
  for (const name of names) {
    opening.record(recall(name))
    if (name === '200') recordStatement(opening, { type: 'audit_attached', data: { attachment: 'one', openRuns: [] } })
  }
  expect(opening.counters()).toMatchObject({ recorded: 301, dropped: {} })
  expect(opening.counters().spilledEvents).toBeGreaterThan(200)
  timers.fire()
  const log = await opening.opened
  expect(await namesIn(log)).toEqual(names)
  expect(await log.events({ type: 'audit_attached' }).count()).toBe(1)
})

test('past the bound of the staging journal it is a gap, told where it is', async () => {
  const { opening } = openingAt({ maxMemoryBytes: 600, maxStagedBytes: 1_500 })
  for (const key of ['a', 'x'.repeat(2000), 'b', 'c']) opening.record(recall(key))
  expect(opening.counters().dropped).toEqual({ log_unavailable: 3 })
  const log = await opening.opened
  opening.record(recall('d'))
  const events = await log.events().toArray()
  expect(events.map(({ type }) => type)).toEqual([
    'memory_recall',
    'events_dropped',
    'staging_adopted',
    'memory_recall',
  ])
  const [gap] = await log.events({ type: 'events_dropped' }).toArray()
  expect(gap?.data).toMatchObject({ count: 3, reason: 'log_unavailable' })
  expect(gap && gap.data.to >= gap.data.from).toBe(true)
  expect(opening.counters().dropped).toEqual({ log_unavailable: 3 })
})

test('a log that cannot be opened is tried again, ever less often, and both ends are warned of once', async () => {
  const problems = [unavailable(), unavailable(), unavailable()]
  const { opening, timers, warnings } = openingAt({}, problems)
  opening.record(recall('a'))
  await expect(opening.opened).rejects.toMatchObject({ code: 'AUDIT_LOG_LOCKED' })
  expect(opening.health()).toMatchObject({ status: 'failing', journal: 'ok', cause: expect.any(AuditLogError) })
  for (const attempt of [2, 3]) {
    timers.fire()
    await expect(opening.opened).rejects.toMatchObject({ code: 'AUDIT_LOG_LOCKED' })
    opening.record(recall(`${attempt}`))
  }
  expect(timers.delays).toEqual([100, 200, 400])
  expect(warnings).toEqual([expect.stringContaining('somebody else has it')])
  timers.fire()
  expect(await namesIn(await opening.opened)).toEqual(['a', '2', '3'])
  expect(warnings).toEqual([expect.any(String), expect.stringContaining('is open now')])
  expect(opening.health().status).toBe('ok')
})

test.each([new TypeError('no such option'), new AuditLogError('AUDIT_KEY_INVALID', 'no key')])(
  'what waiting does not mend is not tried again, and what comes is staged (%s)',
  async (problem) => {
    const { opening, timers, warnings, location } = openingAt({}, [problem])
    await expect(opening.opened).rejects.toThrow(problem)
    expect(timers.isWaiting).toBe(false)
    expect(warnings).toEqual([expect.stringContaining('not tried again')])
    opening.record(recall('a'))
    await opening.close((log) => log.close())
    const log = await openAuditLog(location)
    expect(await namesIn(log)).toEqual(['a'])
    await log.close()
  },
)

test('without a place for a staging journal, what comes waits in memory, and gets one when there is a place', async () => {
  const { opening, location, timers, warnings } = openingAt({}, [unavailable()])
  await opening.close(async () => {})
  const blocked = join(location, 'blocked')
  writeFileSync(blocked, 'no directory')
  const problems = [unavailable(), unavailable()]
  const second = new OpeningLog<AuditLog>(location, {
    staging: join(blocked, 'staging'),
    open: async () => {
      const problem = problems.shift()
      if (problem) throw problem
      return await openAuditLog(location)
    },
    onWarning: (message) => void warnings.push(message),
    startTimer: timers.start,
  })
  second.record(recall('a'))
  await expect(second.opened).rejects.toThrow()
  expect(warnings.at(-1)).toContain('dies with the process')
  expect(second.health()).toMatchObject({ journal: 'failing' })
  rmSync(blocked)
  timers.fire()
  await expect(second.opened).rejects.toThrow()
  expect(second.health()).toMatchObject({ journal: 'ok' })
  expect(readdirSync(join(blocked, 'staging'))).toHaveLength(1)
  timers.fire()
  expect(await namesIn(await second.opened)).toEqual(['a'])
  await second.close((log) => log.close())
})

test('a directory that disappears meanwhile is a gap for what it alone had, and nothing else', async () => {
  const { opening, location, timers } = openingAt({ maxMemoryBytes: 600 }, [unavailable(), unavailable()])
  await expect(opening.opened).rejects.toThrow()
  for (const key of ['a', 'b', 'c', 'd']) opening.record(recall(key))
  const { spilledEvents = 0 } = opening.counters()
  expect(spilledEvents).toBeGreaterThan(0)
  rmSync(location, { recursive: true })
  timers.fire()
  await expect(opening.opened).rejects.toThrow()
  timers.fire()
  const log = await opening.opened
  expect(await namesIn(log)).toEqual(['a', 'b', 'c', 'd'].slice(0, 4 - spilledEvents))
  const [gap] = await log.events({ type: 'events_dropped' }).toArray()
  expect(gap?.data).toMatchObject({ count: spilledEvents, reason: 'log_unavailable' })
})

test('a directory that was replaced while the log was being opened keeps nothing back', async () => {
  const { opening, location, timers } = openingAt({}, [unavailable()])
  await expect(opening.opened).rejects.toThrow()
  opening.record(recall('a'))
  renameSync(location, `${location}-before`)
  mkdirSync(location)
  timers.fire()
  expect(await namesIn(await opening.opened)).toEqual(['a'])
})

test('what was not handed over when it was closed is for the next opening', async () => {
  const { opening, location } = openingAt({}, [unavailable()])
  opening.record(recall('a'))
  await expect(opening.opened).rejects.toThrow()
  await opening.close((log) => log.close())
  expect(stagedEvents(location)).toMatchObject([{ owner: 'dead' }])
  expect(existsSync(join(location, 'entries'))).toBe(false)
  const log = await openAuditLog(location)
  expect(await namesIn(log)).toEqual(['a'])
  expect(stagedEvents(location)).toEqual([])
  await log.close()
})

test('an event that is no JSON yet is kept all the same', async () => {
  const { opening } = openingAt()
  const cyclic: Record<string, unknown> = { name: 'loop' }
  cyclic.self = cyclic
  opening.record({ type: 'custom', data: cyclic as { name: string } })
  const log = await opening.opened
  expect(await log.events({ type: 'custom' }).count()).toBe(1)
})

test('a log of another make gets the events in order', async () => {
  const log = new CollectingLog()
  const opening = new OpeningLog('audit', { staging: undefined, open: async () => log })
  for (const key of ['a', 'b']) opening.record(recall(key))
  await opening.opened
  opening.record(recall('c'))
  expect(log.of('memory_recall').map(({ data }) => data.namespaceKey)).toEqual(['a', 'b', 'c'])
})
