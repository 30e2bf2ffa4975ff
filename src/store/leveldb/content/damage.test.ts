import {
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { base, directory, useTestDirectory } from '../../../../test/support/test-directory.js'
import { sealedEntry } from '../../../testing/index.js'
import { levelStore } from '../index.js'
import { SnapshotStore } from '../snapshot-store.js'

useTestDirectory()

const ITEMS = 300
const path = () => join(directory, 'content')
const text = (n: number) => `${n}:${'x'.repeat(40_000)}`
const item = (n: number) => ({ ...sealedEntry(), content: [{ field: 'data.reason', bytes: Buffer.from(text(n)) }] })
const files = (form: RegExp) => readdirSync(path()).filter((name) => form.test(name))

/** Content in several tables, and in a log that LevelDB has still to make a table of. */
beforeEach(async () => {
  const store = levelStore(directory)
  await store.open()
  for (let n = 0; n < ITEMS; n += 10) await store.commit(Array.from({ length: 10 }, (_, at) => item(n + at)))
  await store.close()
  expect(files(/\.ldb$/).length).toBeGreaterThan(1)
})

/** Counts the items that are there, each of which is the one that was written. */
async function countWhole(store: {
  content?(seqs: readonly number[]): Promise<readonly (readonly { bytes: Uint8Array }[])[]>
}) {
  let whole = 0
  for (let n = 0; n < ITEMS; n++) {
    const [[found] = []] = (await store.content?.([n]).catch(() => [])) ?? []
    if (found && Buffer.from(found.bytes).toString() === text(n)) whole++
  }
  return whole
}

const damages: readonly (readonly [string, () => void | Promise<void>, 'all' | 'some' | 'none'])[] = [
  ['without CURRENT', () => rmSync(join(path(), 'CURRENT')), 'all'],
  ['with a CURRENT that names nothing', () => writeFileSync(join(path(), 'CURRENT'), 'MANIFEST-999999\n'), 'all'],
  ['with a manifest that is cut', () => truncateSync(join(path(), files(/^MANIFEST/)[0] as string), 20), 'all'],
  ['without its manifest', () => rmSync(join(path(), files(/^MANIFEST/)[0] as string)), 'all'],
  ['without one of its tables', () => rmSync(join(path(), files(/\.ldb$/)[0] as string)), 'some'],
  ['with a table that is cut', () => truncateSync(join(path(), files(/\.ldb$/)[0] as string), 100_000), 'some'],
  [
    'with a table that is no table',
    () => writeFileSync(join(path(), files(/\.ldb$/)[0] as string), Buffer.alloc(1_000_000, 7)),
    'some',
  ],
  [
    'in place of which is a file',
    () => {
      rmSync(path(), { recursive: true })
      writeFileSync(path(), 'no directory')
    },
    'none',
  ],
  [
    'in place of which is a link to a directory',
    () => {
      renameSync(path(), join(base, 'elsewhere'))
      symlinkSync(join(base, 'elsewhere'), path())
    },
    'none',
  ],
  [
    'with a directory in place of a log',
    async () => {
      await mkdir(join(path(), '000999.log'))
    },
    'all',
  ],
]

describe('content', () => {
  test.each(damages)('%s does not keep the log from being opened, and is repaired once', async (_, damage, left) => {
    await damage()
    const store = levelStore(directory)
    await store.open()
    expect(store.size).toBe(ITEMS)
    expect(store.takeProblems?.()).toMatchObject([{ code: 'AUDIT_CONTENT_DAMAGED' }])
    const whole = await countWhole(store)
    if (left === 'all') expect(whole).toBe(ITEMS)
    else if (left === 'none') expect(whole).toBe(0)
    else expect(whole).toBeGreaterThan(0)
    await store.commit([item(ITEMS)])
    await store.close()
    expect(lstatSync(`${path()}.damaged-1`)).toBeDefined()
    await store.open()
    expect(store.takeProblems?.()).toEqual([])
    expect(await countWhole(store)).toBe(whole)
    const [[last] = []] = (await store.content?.([ITEMS])) ?? []
    expect(Buffer.from(last?.bytes ?? []).toString()).toBe(text(ITEMS))
    await store.close()
    expect(
      readdirSync(directory)
        .filter((name) => name.startsWith('content'))
        .sort(),
    ).toEqual(['content', 'content.damaged-1'])
  })

  test.each(damages)('%s does not keep readers from the entries, and they change nothing', async (_, damage) => {
    await damage()
    const before = readdirSync(directory, { recursive: true }).sort()
    const reader = await SnapshotStore.open(directory)
    expect((await reader.read([0, ITEMS - 1])).every((bytes) => bytes !== undefined)).toBe(true)
    await countWhole(reader)
    await reader.close()
    expect(readdirSync(directory, { recursive: true }).sort()).toEqual(before)
  })

  test('with flipped bits in a table gives back what it was, or something that is not taken for it', async () => {
    const [name] = files(/\.ldb$/) as [string]
    const bytes = readFileSync(join(path(), name))
    for (let at = 1000; at < bytes.length; at += 100_003) bytes[at] = (bytes[at] as number) ^ 1
    writeFileSync(join(path(), name), bytes)
    const store = levelStore(directory)
    await store.open()
    const whole = await countWhole(store)
    expect(whole).toBeGreaterThan(ITEMS / 2)
    expect(whole).toBeLessThan(ITEMS)
    await store.close()
  })

  test('that a process was repairing when it died is repaired by the next one', async () => {
    const aside = `${path()}.damaged-1`
    for (const state of ['put together', 'whole', 'set aside']) {
      rmSync(join(path(), 'CURRENT'))
      if (state === 'put together') await mkdir(`${path()}.repairing`)
      if (state === 'whole') await mkdir(`${path()}.repaired`)
      if (state === 'set aside') {
        const repaired = levelStore(directory)
        await repaired.open()
        await repaired.close()
        // As it is between the two renamings.
        renameSync(path(), `${path()}.repaired`)
      }
      const store = levelStore(directory)
      await store.open()
      expect(await countWhole(store)).toBe(ITEMS)
      await store.close()
      expect(readdirSync(directory).filter((name) => name.includes('repair'))).toEqual([])
      rmSync(aside, { recursive: true, force: true })
    }
  })

  test('that is gone altogether is none', async () => {
    rmSync(path(), { recursive: true })
    const store = levelStore(directory)
    await store.open()
    expect(await countWhole(store)).toBe(0)
    await store.commit([item(ITEMS)])
    await store.close()
  })
})
