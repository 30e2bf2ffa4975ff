import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { appendForged } from '../../../test/support/forged-journal.js'
import { type AuditLog, openAuditLog } from '../../audit-log/index.js'
import { stagingAt } from '../../ledger/log-directories.js'
import { stagedEvents } from '../../ledger/staged-events.js'
import { ownIdentity } from '../../store/process-identity.js'
import type { RecordInput } from '../contract.js'
import { JournalKey } from '../journal/journal-key.js'
import { StagedQueue } from '../staging/staged-queue.js'
import { parseStagingName, stagingName } from '../staging/staging-directory.js'

const KEY = Buffer.alloc(32, 7)
const UUID = '00000000-0000-4000-8000-000000000000'
const recall = (namespaceKey: string): RecordInput => ({ type: 'memory_recall', data: { tier: 'm', namespaceKey } })

function newLocation(): string {
  const path = mkdtempSync(join(tmpdir(), 'spanledger-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** Stages events as a process does that ends before it has a log. @returns the directory of the staging journal */
function stage(location: string, events: readonly RecordInput[], key?: Uint8Array): string {
  const queue = new StagedQueue({ staging: stagingAt(location), journalKey: key && new JournalKey(key) })
  for (const event of events) queue.record(event, event.type.startsWith('audit_'))
  const { id } = queue.journal ?? { id: '' }
  queue.release()
  return join(stagingAt(location), stagingName({ id, owner: 'ended', log: undefined }))
}

async function open(location: string, options: object = {}): Promise<{ log: AuditLog; problems: string[] }> {
  const problems: string[] = []
  const report = ({ message }: Error) => void problems.push(message)
  const log = await openAuditLog(location, { on: { problem: report }, ...options })
  onTestFinished(() => log.close())
  return { log, problems }
}

async function namesIn(log: AuditLog): Promise<unknown[]> {
  return (await log.events({ type: 'memory_recall' }).toArray()).map(({ data }) => data.namespaceKey)
}

/** A process that has certainly ended. */
function deadOwner() {
  const own = ownIdentity()
  if (!own) throw new Error('this process cannot be told from others')
  return { ...own, startTicks: own.startTicks - 1 }
}

test('what a process staged that has ended gets into the log, unattested, and its runs are interrupted', async () => {
  const location = newLocation()
  await (await open(location)).log.close()
  const started: RecordInput = { type: 'run_started', runId: 'r-1', data: { agent: { name: 'planner' } } }
  stage(location, [started, recall('a')])
  const { log, problems } = await open(location)
  expect(problems).toEqual([])
  expect(log.recovery).toMatchObject({ unclean: false, adoptedEvents: 2, interruptedRuns: 1 })
  const events = await log.events().toArray()
  expect(events.map(({ type }) => type)).toEqual(['run_started', 'memory_recall', 'staging_adopted', 'run_interrupted'])
  expect(events[2]).toMatchObject({ data: { count: 2, unattested: 2, ownerDied: true } })
  expect(readdirSync(stagingAt(location))).toEqual([])
  expect((await log.verify()).problems).toEqual([])
})

test('a journal key attests it, and with that its statements', async () => {
  const location = newLocation()
  const attached: RecordInput = { type: 'audit_attached', data: { attachment: 'one', openRuns: [] } }
  stage(location, [attached, recall('a')], KEY)
  const { log } = await open(location, { journalKey: KEY })
  expect(await log.events({ type: 'staging_adopted' }).toArray()).toMatchObject([{ data: { count: 2, unattested: 0 } }])
  const [statement] = await log.events({ type: 'audit_attached' }).toArray()
  expect(statement?.statementOf).toMatch(/^spanledger\.local\//)
})

test('without a key nothing of it is the word of the log', async () => {
  const location = newLocation()
  stage(location, [{ type: 'audit_attached', data: { attachment: 'one', openRuns: [] } }])
  const { log } = await open(location)
  expect(await log.events({ type: 'audit_attached' }).count()).toBe(0)
  const [event] = await log.events({ type: 'custom' }).toArray()
  expect(event).toMatchObject({ data: { name: 'audit_attached', attachment: 'one' } })
  expect(event).not.toHaveProperty('statementOf')
})

test('a forged statement that names the log is not its word either', async () => {
  const location = newLocation()
  const before = await open(location)
  await before.log.append({ type: 'custom', data: { name: 'first' } })
  const [origin = ''] = (await before.log.checkpoint())?.split('\n') ?? []
  await before.log.close()
  const directory = stage(location, [recall('a')])
  appendForged(join(directory, '000001.journal'), {
    type: 'events_dropped',
    statementOf: origin,
    data: { count: 1, reason: 'x', from: '2026-01-01T00:00:00Z', to: '2026-01-01T00:00:00Z' },
  })
  const { log } = await open(location)
  expect(await log.events({ type: 'events_dropped' }).count()).toBe(0)
  const custom = await log.events({ type: 'custom' }).toArray()
  expect(custom.map(({ data }) => data.name)).toEqual(['first', 'events_dropped'])
  expect(custom.filter((event) => 'statementOf' in event)).toEqual([])
})

test('records that the key does not attest are kept aside, and are a gap', async () => {
  const location = newLocation()
  stage(location, [recall('a')])
  const { log, problems } = await open(location, { journalKey: KEY })
  expect(await namesIn(log)).toEqual([])
  const types = (await log.events().toArray()).map(({ type }) => type)
  expect(types).toEqual(['events_dropped', 'journal_set_aside'])
  expect(problems).toEqual([expect.stringContaining('was not taken over as it is')])
  expect(readdirSync(join(stagingAt(location), 'aside'))).toHaveLength(1)
})

test('a log that had begun to take it over goes on with what it lacks', async () => {
  const location = newLocation()
  const directory = stage(location, [recall('a'), recall('b'), recall('c')])
  const [first, second] = [...(stagedEvents(location)[0]?.events() ?? [])]
  const before = await open(location)
  // The log took all of it; what was there before comes again.
  expect(await namesIn(before.log)).toEqual(['a', 'b', 'c'])
  const { id = '' } = parseStagingName(directory.split('/').at(-1) ?? '') ?? {}
  const logId = String((await before.log.events({ type: 'staging_adopted' }).toArray())[0]?.statementOf).split('/')[1]
  await before.log.close()
  const again = stage(location, [
    { ...recall('a'), id: first?.id },
    { ...recall('b'), id: second?.id },
    recall('d'),
  ] as RecordInput[])
  renameSync(again, join(stagingAt(location), stagingName({ id, owner: deadOwner(), log: logId })))
  const { log } = await open(location)
  expect(await namesIn(log)).toEqual(['a', 'b', 'c', 'd'])
  expect(await log.events({ type: 'staging_adopted' }).count()).toBe(1)
  expect(readdirSync(stagingAt(location))).toEqual([])
})

test.each([
  ['that is alive', () => ({ owner: ownIdentity() ?? ('unknown' as const), log: undefined })],
  ['in another namespace', () => ({ owner: { ...deadOwner(), namespace: '1' }, log: undefined })],
  ['that cannot be told from others', () => ({ owner: 'unknown' as const, log: undefined })],
  ['that gave it to another log', () => ({ owner: deadOwner(), log: 'abcdefabcdef0123' })],
])('a journal of a process %s is left', async (_, name) => {
  const location = newLocation()
  const path = join(stagingAt(location), stagingName({ id: UUID, ...name() }))
  renameSync(stage(location, [recall('a')]), path)
  const { log, problems } = await open(location)
  expect(await namesIn(log)).toEqual([])
  expect(problems).toEqual([])
  expect(stagedEvents(location)).toHaveLength(1)
})

test.each([
  ['a link', (path: string, target: string) => symlinkSync(target, path)],
  ['a file', (path: string) => writeFileSync(path, 'x')],
  [
    'a directory with a link',
    (path: string, target: string) => {
      mkdirSync(path)
      symlinkSync(join(target, 'secret'), join(path, '000001.journal'))
    },
  ],
])('%s in place of a staging journal is put aside, not followed, and said once', async (_, plant) => {
  const location = newLocation()
  const elsewhere = newLocation()
  writeFileSync(join(elsewhere, 'secret'), 'secret')
  stage(location, [recall('a')])
  plant(join(stagingAt(location), `${UUID}.ended`), elsewhere)
  const { log, problems } = await open(location)
  expect(await namesIn(log)).toEqual(['a'])
  expect(problems).toEqual([expect.stringContaining(`${UUID}.ended`)])
  expect(await log.events({ type: 'journal_set_aside' }).toArray()).toHaveLength(1)
  expect(readdirSync(elsewhere)).toEqual(['secret'])
  await log.close()
  const again = await open(location)
  expect(again.problems).toEqual([])
})

test('a link in place of the directory of staging journals is reported, and the log opens', async () => {
  const location = newLocation()
  symlinkSync(newLocation(), stagingAt(location))
  const { problems } = await open(location)
  expect(problems).toEqual([expect.stringContaining('is a symbolic link')])
})

test('while the index is being rebuilt it waits, and is taken over once that is done, with its runs interrupted', async () => {
  const location = newLocation()
  const before = await open(location)
  for (let n = 0; n < 40_000; n++) before.log.record({ type: 'custom', data: { name: `${n}` } })
  await before.log.close()
  rmSync(join(location, 'index'), { recursive: true })
  const started: RecordInput = { type: 'run_started', runId: 'r-1', data: { agent: { name: 'planner' } } }
  await stage(location, [started, recall('a')])

  const { log, problems } = await open(location)
  expect(log.recovery).not.toHaveProperty('adoptedEvents')
  log.record({ type: 'run_started', runId: 'r-2', data: { agent: { name: 'writer' } } })
  await vi.waitFor(() => expect(readdirSync(stagingAt(location))).toEqual([]), { timeout: 30_000 })
  await vi.waitFor(async () => expect((await log.run('r-1'))?.status).toBe('interrupted'), { timeout: 30_000 })
  expect((await log.run('r-2'))?.status).toBe('running')
  expect(await namesIn(log)).toEqual(['a'])
  expect(await log.events({ type: 'staging_adopted' }).toArray()).toMatchObject([
    { data: { count: 2, ownerDied: true } },
  ])
  expect(problems).toEqual([])
  await log.close()
  const again = await open(location)
  expect(again.log.recovery).toMatchObject({ unclean: false, interruptedRuns: 0 })
  expect((await again.log.verify()).problems).toEqual([])
})

test('the end of a record that was being written when its process died is left out', async () => {
  const location = newLocation()
  const directory = stage(location, [recall('a'), recall('b')])
  const path = join(directory, '000001.journal')
  truncateSync(path, statSync(path).size - 10)
  const { log, problems } = await open(location)
  expect(await namesIn(log)).toEqual(['a'])
  expect(problems).toEqual([])
  expect(readdirSync(stagingAt(location))).toEqual([])
})
