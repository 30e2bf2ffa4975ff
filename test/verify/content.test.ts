import { cpSync, readdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import type { AuditEventInput, VerifyReport } from '../../src/index.js'
import { openAuditLog, openAuditLogReader } from '../../src/index.js'
import { itemKey } from '../../src/store/leveldb/content/keys.js'
import { type Database, newDatabase } from '../../src/store/leveldb/load-level.js'
import { run } from '../cli/command-line.js'
import { base, directory, useTestDirectory } from '../support/test-directory.js'

useTestDirectory()

const ITEMS = 20
const field = 'data.error.message'
const path = () => join(directory, 'content')

function error(n: number): AuditEventInput {
  const actor = { id: `user-${n % 3}` }
  return { type: 'error_occurred', actor, data: { operation: 'o', error: { code: 'E', message: `message ${n}` } } }
}

beforeEach(async () => {
  const log = await openAuditLog(directory)
  for (let n = 0; n < ITEMS; n++) {
    await log.append(error(n))
    await log.append({ type: 'custom', data: { name: 'plain', text: '"level":"content"', level: 'content' } })
  }
  await log.close()
})

async function verified(location = directory, options: { contentKeys?: false } = {}): Promise<VerifyReport> {
  const reader = await openAuditLogReader(location, options)
  return (await reader.verify().finally(() => reader.close())) as VerifyReport
}

async function changed(change: (db: Database) => Promise<void>): Promise<void> {
  const db = newDatabase(path(), { createIfMissing: false })
  await db.open()
  await change(db).finally(() => db.close())
}

const NOTHING = { checked: 0, unchecked: 0, missing: 0, damaged: 0, erased: 0, unexpected: 0 }
const kindsOf = ({ problems }: VerifyReport) => problems.map(({ kind, status }) => [kind, status])

describe('content that is as it was recorded', () => {
  test('is checked against the digests where the keys are there', async () => {
    expect(await verified()).toMatchObject({
      status: 'verified',
      content: { ...NOTHING, checked: ITEMS },
      problems: [],
      remarks: [],
    })
    const log = await openAuditLog(directory)
    expect((await log.verify()).content).toEqual({ ...NOTHING, checked: ITEMS })
    expect((await log.verify({ entriesOnly: true })).content).toBeUndefined()
    await log.close()
  })

  test.each([
    ['no keys are asked', () => verified(directory, { contentKeys: false })],
    [
      'the keys are gone',
      () => {
        rmSync(join(directory, 'keys/content'), { recursive: true })
        return verified()
      },
    ],
    [
      'the key of the provider is gone',
      () => {
        rmSync(join(directory, 'keys/content/provider.key'))
        return verified()
      },
    ],
    [
      'the key of the provider is another one',
      () => {
        writeFileSync(join(directory, 'keys/content/provider.key'), Buffer.alloc(32, 1).toString('base64'))
        return verified()
      },
    ],
  ])('is not taken for altered where %s', async (_, verify) => {
    const report = await verify()
    expect(report).toMatchObject({ status: 'verified', content: { ...NOTHING, unchecked: ITEMS }, problems: [] })
    expect(report.remarks).toEqual([expect.stringContaining('there is no key here')])
  })

  test('counts as erased where the key of its subject is gone', async () => {
    const ids = join(directory, 'keys/content/ids')
    for (const name of readdirSync(ids)) rmSync(join(ids, name), { recursive: true })
    expect(await verified()).toMatchObject({ status: 'verified', content: { ...NOTHING, erased: ITEMS }, problems: [] })
  })

  test('may lie behind the end of the log: its writer has not come to the entries yet', async () => {
    await changed((db) => db.put(itemKey(1000, field), Buffer.from('of an entry to come')))
    expect(await verified()).toMatchObject({ status: 'verified', content: { ...NOTHING, checked: ITEMS } })
  })
})

describe('content that is not what was recorded', () => {
  test('is named with its entry, and says nothing against the entries', async () => {
    await changed(async (db) => {
      const sealed = (await db.get(itemKey(4, field))) as Uint8Array
      await db.del(itemKey(0, field))
      await db.put(itemKey(2, field), Buffer.from('no item'))
      // That of another entry.
      await db.put(itemKey(6, field), sealed)
      const flipped = Buffer.from((await db.get(itemKey(8, field))) as Uint8Array)
      flipped[flipped.length - 20] = (flipped.at(-20) as number) ^ 1
      await db.put(itemKey(8, field), flipped)
      await db.put(itemKey(1, field), sealed)
      await db.put(itemKey(4, 'data.other'), sealed)
    })
    const report = await verified()
    expect(report.content).toEqual({ ...NOTHING, checked: ITEMS - 4, missing: 1, damaged: 3, unexpected: 2 })
    expect(report.status).toBe('incomplete')
    expect(report.provenSize).toBe(report.size)
    const spans = Object.fromEntries(report.problems.map(({ kind, entries }) => [kind, entries]))
    const at = (seq: number) => ({ from: seq, to: seq + 1 })
    expect(spans).toEqual({
      content_missing: [at(0)],
      content_damaged: [at(2), at(6), at(8)],
      content_unexpected: [at(1), at(4)],
    })
    // Without keys, an item that is of another key or has no form is seen.
    const withoutKeys = await verified(directory, { contentKeys: false })
    expect(withoutKeys.content).toEqual({ ...NOTHING, unchecked: ITEMS - 3, missing: 1, damaged: 2, unexpected: 2 })
  })

  test.each<[string, () => void]>([
    ['without CURRENT', () => rmSync(join(path(), 'CURRENT'))],
    [
      'with a manifest that is cut',
      () => {
        for (const name of readdirSync(path())) if (name.startsWith('MANIFEST')) truncateSync(join(path(), name), 10)
      },
    ],
    [
      'in place of which is a file',
      () => {
        rmSync(path(), { recursive: true })
        writeFileSync(path(), '')
      },
    ],
    [
      'in place of which is a link',
      () => {
        renameSync(path(), join(base, 'elsewhere'))
        symlinkSync(join(base, 'elsewhere'), path())
      },
    ],
  ])('%s is damaged as a whole', async (_, damage) => {
    damage()
    const report = await verified()
    expect(report.content).toEqual({ ...NOTHING, damaged: ITEMS })
    expect(kindsOf(report)).toEqual([['content_damaged', 'incomplete']])
  })

  test('that is gone is missing, also once the log was opened again', async () => {
    rmSync(path(), { recursive: true })
    const report = await verified()
    expect(report.content).toEqual({ ...NOTHING, missing: ITEMS })
    expect(kindsOf(report)).toEqual([['content_missing', 'incomplete']])
    const log = await openAuditLog(directory)
    await log.append(error(ITEMS))
    expect((await log.verify()).content).toEqual({ ...NOTHING, checked: 1, missing: ITEMS })
    await log.close()
  })

  test('ends the command line with 3, which names it', async () => {
    expect(await run(['verify', directory])).toMatchObject({ code: 0 })
    await changed((db) => db.del(itemKey(0, field)))
    const { code, out } = await run(['verify', directory])
    expect(code).toBe(3)
    expect(out).toContain('INCOMPLETE')
    expect(out).toContain(`content     ${ITEMS - 1} checked, 1 missing`)
    expect(out).toContain('[seq 0]')
  })
})

test('the logs of a ledger each have their content compared, with the keys of the ledger', async () => {
  const shared = { shared: true, on: { problem: () => {} } }
  const logs = [await openAuditLog(directory, shared), await openAuditLog(directory, shared)]
  for (const [n, log] of logs.entries()) await log.append(error(n))
  for (const log of logs) await log.close()
  const reader = await openAuditLogReader(directory)
  const report = (await reader.verify()) as { logs?: readonly VerifyReport[] }
  expect(report.logs?.map(({ content }) => content)).toEqual([
    { ...NOTHING, checked: ITEMS + 1 },
    { ...NOTHING, checked: 1 },
  ])
  await reader.close()
})

test('a copy of the entries alone promises nothing', async () => {
  const copy = join(base, 'copy')
  cpSync(join(directory, 'entries'), join(copy, 'entries'), { recursive: true })
  cpSync(join(directory, 'checkpoint'), join(copy, 'checkpoint'))
  const report = await verified(copy)
  expect(report.content).toBeUndefined()
  expect(kindsOf(report).filter(([kind]) => kind?.startsWith('content'))).toEqual([])
})
