import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type AuditLog, openAuditLog, openAuditLogReader } from '../../src/index.js'
import { RECORD_STATEMENT, type StatementWriter } from '../../src/log/statements.js'
import { memoryStore } from '../../src/store/memory/index.js'
import { run } from '../cli/command-line.js'
import { directory, useTestDirectory } from '../support/test-directory.js'

useTestDirectory()

const policy = { name: 'pseudonyms', pseudonyms: { actor: true } } as const
const options = { policy, on: { problem: () => {} } }

function recordRun(log: AuditLog, runId: string, id: string, tenantId?: string): void {
  const scope = { runId, actor: { id }, ...(tenantId !== undefined && { tenantId }) }
  log.record({ ...scope, type: 'run_started', data: { agent: { name: 'a' } } })
  log.record({ ...scope, type: 'run_completed', data: { usage: { inputTokens: 1, outputTokens: 1, totalTokens: 2 } } })
}

const runIdsOf = (events: readonly { readonly runId?: string | undefined }[]) => events.map(({ runId }) => runId)

describe.each([
  ['LevelDB', () => openAuditLog(directory, options)],
  ['memory', () => openAuditLog({ store: memoryStore(), ...options })],
])('the id of an actor behind a pseudonym, in a log in %s', (_, open) => {
  test('finds the events, runs and sums of that person, and of nobody else', async () => {
    const log = await open()
    recordRun(log, 'r-1', 'ann')
    recordRun(log, 'r-2', 'bob')
    recordRun(log, 'r-3', 'ann', 'acme')
    recordRun(log, 'r-4', 'ann')
    await log.flush()
    const [first] = await log.events({ runId: 'r-1' }).toArray()
    expect(first?.actor?.id).toMatch(/^pseudonym-/)
    const found = ['r-1', 'r-1', 'r-3', 'r-3', 'r-4', 'r-4']
    expect(runIdsOf(await log.events({ actorId: 'ann' }).toArray())).toEqual(found)
    expect(runIdsOf(await log.events({ actorId: 'ann', order: 'desc', limit: 3 }).toArray())).toEqual([
      'r-4',
      'r-4',
      'r-3',
    ])
    expect(await log.events({ actorId: 'ann' }).count()).toBe(6)
    expect(await log.entries({ actorId: 'ann' }).toArray()).toHaveLength(6)
    expect(runIdsOf(await log.events({ actorId: 'ann', tenantId: 'acme' }).toArray())).toEqual(['r-3', 'r-3'])
    expect(runIdsOf(await log.events({ actorId: 'ann', tenantId: 'other' }).toArray())).toEqual([])
    expect(runIdsOf(await log.runs({ actorId: 'ann' }).toArray())).toEqual(['r-1', 'r-3', 'r-4'])
    expect(runIdsOf(await log.runs({ actorId: 'ann', tenantId: 'acme' }).toArray())).toEqual(['r-3'])
    expect((await log.stats({ actorId: 'ann' })).total.runs.started).toBe(3)
    expect(await log.events({ actorId: 'carl' }).toArray()).toEqual([])
    // The pseudonym itself finds them too, as it stands in the entries.
    const pseudonym = first?.actor?.id ?? ''
    expect(runIdsOf(await log.events({ actorId: pseudonym }).toArray())).toEqual(['r-1', 'r-1', 'r-4', 'r-4'])
    const page = await log.events({ actorId: 'ann' }).page({ size: 4 })
    const next = await log.events({ actorId: 'ann' }).page({ size: 4, ...(page.cursor && { cursor: page.cursor }) })
    expect(runIdsOf([...page.items, ...next.items])).toEqual(found)
    const follow = new AbortController()
    const followed: (string | undefined)[] = []
    for await (const { runId } of log.follow({ actorId: 'ann' }, { signal: follow.signal })) {
      if (followed.push(runId) === 6) break
    }
    expect(followed).toEqual(found)
    await log.close()
  })

  test('finds the events of a run whose tenant was identified late', async () => {
    const log = await open()
    recordRun(log, 'r-1', 'ann')
    const previous = { tenantId: 'default' }
    const statement = { type: 'run_identified', runId: 'r-1', tenantId: 'acme', data: { previous } } as const
    ;(log as AuditLog & StatementWriter)[RECORD_STATEMENT](statement)
    await log.flush()
    const events = await log.events({ actorId: 'ann', tenantId: 'acme' }).toArray()
    expect(events.map(({ type }) => type)).toEqual(['run_started', 'run_completed'])
    expect(runIdsOf(await log.runs({ actorId: 'ann', tenantId: 'acme' }).toArray())).toEqual(['r-1'])
    await log.close()
  })
})

test('a query makes no key', async () => {
  const log = await openAuditLog(directory, options)
  recordRun(log, 'r-1', 'ann')
  await log.flush()
  const { readdir } = await import('node:fs/promises')
  const keys = async () => (await readdir(join(directory, 'keys/content'), { recursive: true })).sort()
  const before = await keys()
  expect(await log.events({ actorId: 'nobody' }).toArray()).toEqual([])
  expect(await log.events({ actorId: 'nobody', tenantId: 'acme' }).toArray()).toEqual([])
  expect(await keys()).toEqual(before)
  await log.close()
})

test('readers of all logs of a ledger and the command line find a person, and those without the keys find nobody', async () => {
  const shared = { ...options, shared: true }
  const logs = [await openAuditLog(directory, shared), await openAuditLog(directory, shared)]
  for (const [n, log] of logs.entries()) recordRun(log, `r-${n}`, 'ann', `tenant-${n}`)
  for (const log of logs) await log.close()
  const reader = await openAuditLogReader(directory)
  expect(runIdsOf(await reader.events({ actorId: 'ann' }).toArray()).sort()).toEqual(['r-0', 'r-0', 'r-1', 'r-1'])
  expect(await reader.events({ actorId: 'ann' }).count()).toBe(4)
  expect(runIdsOf(await reader.runs({ actorId: 'ann' }).toArray()).sort()).toEqual(['r-0', 'r-1'])
  expect((await reader.stats({ actorId: 'ann' })).total.runs.started).toBe(2)
  await reader.close()
  const without = await openAuditLogReader(directory, { contentKeys: false })
  expect(await without.events({ actorId: 'ann' }).toArray()).toEqual([])
  await without.close()
  const printed = await run(['query', '--actor', 'ann', '--jsonl', '--log', directory])
  expect(printed).toMatchObject({ code: 0 })
  expect(printed.out.trimEnd().split('\n')).toHaveLength(4)
  const runs = await run(['runs', '--actor', 'ann', '--jsonl', '--log', directory])
  expect(runs.out.trimEnd().split('\n')).toHaveLength(2)
})
