import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { base, directory, useLevelLogs } from '../../../test/support/level-logs.js'
import { batchPrototype } from '../../../test/support/raw-database.js'
import { EVERYTHING } from '../../testing/conformance/case.js'
import { sealedEntries, sealedEntry } from '../../testing/index.js'
import type { SealedEntry } from '../contract.js'
import { levelStore } from './index.js'

useLevelLogs()

describe('a commit that LevelDB could not write', () => {
  it('rejects with its cause, leaves nothing behind, and the next one succeeds at the same position', async () => {
    const store = levelStore(directory)
    await store.open()
    await store.commit([sealedEntry({ id: 'kept' })])
    const failure = new Error('no space left')
    vi.spyOn(await batchPrototype(base), 'write').mockRejectedValueOnce(failure)
    await expect(store.commit([sealedEntry({ id: 'lost', sessionId: 'lost' })])).rejects.toMatchObject({
      code: 'AUDIT_WRITE_FAILED',
      cause: failure,
    })
    expect(store.size).toBe(1)
    expect(await store.read([1])).toEqual([undefined])
    expect(await store.countPostings('session', ['lost'], EVERYTHING)).toBe(0)
    expect(await store.commit([sealedEntry({ id: 'kept' }), sealedEntry({ id: 'lost' })])).toMatchObject({
      seqs: [0, 1],
      size: 2,
    })
    await store.close()
  })

  it('shows nothing of what the disk kept all the same until the log goes on behind it', async () => {
    const store = levelStore(directory)
    await store.open()
    await store.commit(sealedEntries(1))
    const prototype = await batchPrototype(base)
    const { write } = prototype
    vi.spyOn(prototype, 'write').mockImplementationOnce(async function (this: unknown, options) {
      await write.call(this, options)
      throw new Error('fsync failed')
    })
    await expect(store.commit([sealedEntry({ id: 'a' }), sealedEntry()])).rejects.toMatchObject({
      code: 'AUDIT_WRITE_FAILED',
    })
    expect(store.size).toBe(1)
    expect(await store.countPostings('tenant', ['t'], EVERYTHING)).toBe(1)
    expect((await store.read([0, 1]))[1]).toBeUndefined()
    expect(await store.commit([sealedEntry({ id: 'a' }), sealedEntry()])).toEqual({
      seqs: [1, 3],
      size: 4,
      firstNew: 3,
    })
    expect(await store.countPostings('tenant', ['t'], EVERYTHING)).toBe(4)
    await store.close()
  })

  it('is not stored twice when the disk kept it all the same, however often the retry fails', async () => {
    const store = levelStore(directory)
    await store.open()
    await store.commit(sealedEntries(1))
    const prototype = await batchPrototype(base)
    const { write } = prototype
    const failLate = async function (this: unknown, options: object) {
      await write.call(this, options)
      throw new Error('fsync failed')
    }
    const failEarly = () => Promise.reject(new Error('no space left'))
    const [a, b, c, d, e] = sealedEntries(5) as [SealedEntry, SealedEntry, SealedEntry, SealedEntry, SealedEntry]
    const journal = { segment: 1, offset: 7 }
    const failed = { code: 'AUDIT_WRITE_FAILED' }
    vi.spyOn(prototype, 'write')
      .mockImplementationOnce(failLate)
      .mockImplementationOnce(failEarly)
      .mockImplementationOnce(failLate)
    await expect(store.commit([a, b, c])).rejects.toMatchObject(failed)
    await expect(store.commit([a, c, d])).rejects.toMatchObject(failed)
    await expect(store.commit([a, c, d])).rejects.toMatchObject(failed)
    expect(await store.commit([a, c, d, e], { journal })).toEqual({ seqs: [1, 3, 4, 5], size: 6, firstNew: 5 })
    expect(store.journalPosition).toEqual(journal)
    // What comes later is new, were it the same bytes.
    expect(await store.commit([e])).toEqual({ seqs: [6], size: 7, firstNew: 6 })
    await store.close()
  })

  it.each([false, true])('is what a directory that was removed makes of it (replaced: %s)', async (isReplaced) => {
    const store = levelStore(directory)
    await store.open()
    await store.commit(sealedEntries(1))
    await rename(directory, join(base, 'away'))
    if (isReplaced) await mkdir(join(directory, 'entries'), { recursive: true })
    for (let attempt = 0; attempt < 2; attempt++) {
      await expect(store.commit(sealedEntries(1))).rejects.toMatchObject({
        code: 'AUDIT_WRITE_FAILED',
        message: expect.stringContaining('removed or replaced'),
      })
    }
    expect(existsSync(directory)).toBe(isReplaced)
    await rm(directory, { recursive: true, force: true })
    await rename(join(base, 'away'), directory)
    expect((await store.commit(sealedEntries(1))).size).toBe(3)
    await store.close()
  })

  it('can be followed by close and open', async () => {
    const store = levelStore(directory)
    await store.open()
    vi.spyOn(await batchPrototype(base), 'write').mockRejectedValueOnce(new Error('no space left'))
    await expect(store.commit(sealedEntries(1))).rejects.toMatchObject({ code: 'AUDIT_WRITE_FAILED' })
    await store.close()
    await store.open()
    expect((await store.commit(sealedEntries(1))).size).toBe(1)
    await store.close()
  })
})
