import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Level } from 'level'
import { describe, expect, it } from 'vitest'
import { directory, leaveLog, useLevelLogs } from '../../../test/support/level-logs.js'
import { FORMAT_VERSION } from './entries/head.js'
import { metaKey } from './entries/keys.js'
import { levelStore } from './index.js'
import { SnapshotStore } from './snapshot-store.js'

useLevelLogs()

/** Leaves a database of version 0.1: its format, 2, and an entry under a key of its own. */
async function leaveFormer(): Promise<void> {
  await mkdir(directory, { recursive: true })
  const db = new Level(join(directory, 'db'))
  await db.open()
  await db.put('\x01format', '2')
  await db.put('\x02\0\0\0\0\0\0\0\0', '{"v":1}')
  await db.close()
}

const OPENERS: Readonly<Record<string, () => Promise<unknown>>> = {
  'to write': () => levelStore(directory).open(),
  'to read': () => SnapshotStore.open(directory),
}

describe.each(Object.entries(OPENERS))('a log of format 2, opened %s,', (_, open) => {
  it('is refused, with the way to export it, and left as it is', async () => {
    await leaveFormer()
    const before = (await readdir(directory, { recursive: true })).sort()
    await expect(open()).rejects.toMatchObject({
      code: 'AUDIT_FORMAT_UNSUPPORTED',
      message: expect.stringMatching(
        /format version 2 .*Spanledger 0\.1\.0 .*npx spanledger@0\.1\.0 export --log .*audit/,
      ),
    })
    expect((await readdir(directory, { recursive: true })).sort()).toEqual(before)
  })

  it('is refused beside one of format 3, which is named too', async () => {
    await leaveLog()
    await leaveFormer()
    await expect(open()).rejects.toMatchObject({
      code: 'AUDIT_FORMAT_UNSUPPORTED',
      message: expect.stringMatching(/version 3 in entries\/.* version 2 or older in db\/.*spanledger@0\.1\.0 export/),
    })
  })

  it('is refused beside an empty directory of entries', async () => {
    await leaveFormer()
    await mkdir(join(directory, 'entries'))
    await expect(open()).rejects.toMatchObject({ code: 'AUDIT_FORMAT_UNSUPPORTED' })
  })
})

it.each(['an empty directory', 'a file'])('%s of the name db is no log', async (what) => {
  await mkdir(directory)
  if (what === 'a file') await writeFile(join(directory, 'db'), '')
  else await mkdir(join(directory, 'db'))
  await leaveLog()
  const store = await SnapshotStore.open(directory)
  expect(store.size).toBe(3)
  await store.close()
})

it.each(Object.entries(OPENERS))('a log of a format to come is refused %s, with both versions', async (_, open) => {
  await leaveLog()
  const db = new Level<Buffer, string>(join(directory, 'entries'), { keyEncoding: 'buffer', valueEncoding: 'utf8' })
  await db.put(metaKey('format'), '4')
  await db.close()
  await expect(open()).rejects.toMatchObject({
    code: 'AUDIT_FORMAT_UNSUPPORTED',
    message: expect.stringMatching(new RegExp(`format version 4; .*version ${FORMAT_VERSION}`)),
  })
})
