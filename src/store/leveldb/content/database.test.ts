import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { directory, useTestDirectory } from '../../../../test/support/test-directory.js'
import { sealedEntry } from '../../../testing/index.js'
import { levelStore } from '../index.js'
import { ContentDatabase } from './database.js'

useTestDirectory()

const item = (text: string) => ({ ...sealedEntry(), content: [{ field: 'data.reason', bytes: Buffer.from(text) }] })

async function texts(of: {
  content?(seqs: readonly number[]): Promise<readonly (readonly { bytes: Uint8Array }[])[]>
}) {
  const found = (await of.content?.([0, 1, 2, 3])) ?? []
  return found.map((items) => items.map(({ bytes }) => Buffer.from(bytes).toString()))
}

describe('the content of a log', () => {
  test('is made with the first item', async () => {
    const store = levelStore(directory)
    await store.open()
    await store.commit([sealedEntry()])
    expect(existsSync(join(directory, 'content'))).toBe(false)
    await store.commit([item('a')])
    expect(existsSync(join(directory, 'content/CURRENT'))).toBe(true)
    expect(await texts(store)).toEqual([[], ['a'], [], []])
    await store.close()
  })

  test('that a crash has left behind the end of the log is removed', async () => {
    const store = levelStore(directory)
    await store.open()
    await store.commit([item('kept')])
    await store.close()
    // As a process leaves it that dies between the items and their entries.
    const died = new ContentDatabase(directory)
    await died.open(1)
    await died.write([item('lost'), item('lost too')], 1)
    await died.close()
    await store.open()
    expect(await texts(store)).toEqual([['kept'], [], [], []])
    await store.commit([sealedEntry(), item('next')])
    expect(await texts(store)).toEqual([['kept'], [], ['next'], []])
    await store.close()
  })

  test('that cannot be written makes the commit fail, and nothing is promised that is not there', async () => {
    const store = levelStore(directory)
    await store.open()
    await store.commit([sealedEntry()])
    const holder = new ContentDatabase(directory)
    await holder.write([item('of nobody')], 1)
    await expect(store.commit([item('a')])).rejects.toMatchObject({ code: 'AUDIT_WRITE_FAILED' })
    expect(store.size).toBe(1)
    await expect(store.commit([sealedEntry()])).resolves.toMatchObject({ size: 2 })
    await holder.close()
    await expect(store.commit([item('b')])).resolves.toMatchObject({ size: 3 })
    // What was written at position 1 was of another entry.
    expect(await texts(store)).toEqual([[], [], ['b'], []])
    await store.close()
  })
})
