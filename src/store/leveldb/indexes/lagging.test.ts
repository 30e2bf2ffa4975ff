import { chmodSync, cpSync, rmSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { copyLive } from '../../../../test/support/copy-live.js'
import {
  A,
  answersOf,
  answersOfWriter,
  B,
  base,
  C,
  commit,
  directory,
  ENTRIES,
  index,
  stateOf,
  useIndexedLogs,
  WALKS,
} from '../../../../test/support/indexed-logs.js'
import { batchPrototype } from '../../../../test/support/raw-database.js'
import { sealedEntries } from '../../../testing/index.js'
import type { Walk } from '../../contract.js'
import { memoryStore } from '../../memory/index.js'
import { levelStore } from '../index.js'
import { SnapshotStore } from '../snapshot-store.js'

// An index may lag behind its log, and be written late or never.

useIndexedLogs()

describe('an index that lags', () => {
  it('answers with what is in memory alone, beside commits', async () => {
    const model = memoryStore()
    await model.open()
    const store = levelStore(directory)
    await store.open()
    for (let at = 0; at < C; at += 350) {
      for (const each of [store, model]) await commit(each, ENTRIES.slice(at, at + 350))
      expect(await answersOfWriter(store)).toEqual(await answersOfWriter(model))
    }
    await store.close()
  })

  it('answers whoever reads a snapshot with what the writer has not written yet', async () => {
    cpSync(stateOf(B), directory, { recursive: true })
    const store = levelStore(directory)
    await store.open()
    const reader = await SnapshotStore.open(directory)
    const model = memoryStore()
    await model.open()
    await commit(model, ENTRIES.slice(0, B))
    for (const [from, to] of [
      [B, B + 1],
      [B + 1, B + 700],
      [B + 700, C],
    ] as const) {
      for (const each of [store, model]) await commit(each, ENTRIES.slice(from, to))
      await reader.refresh()
      expect(await answersOf(reader)).toEqual(await answersOf(model))
    }
    await reader.close()
    await store.close()
  })

  it('is caught up with after the process died', async () => {
    const store = levelStore(directory)
    await store.open()
    await commit(store, ENTRIES)
    const left = join(base, 'left')
    copyLive(directory, left)
    await store.close()
    const again = levelStore(left)
    await again.open()
    const model = memoryStore()
    await model.open()
    await commit(model, ENTRIES)
    expect(await answersOfWriter(again)).toEqual(await answersOfWriter(model))
    await again.close()
  })

  it('by more than is caught up with at once lets commits go on meanwhile, and has them', async () => {
    const filler = sealedEntries(12_000, (n) => ({ tenantId: 'filler', runId: `f-${n % 50}` }))
    const model = memoryStore()
    await model.open()
    const store = levelStore(directory)
    await store.open()
    for (const each of [store, model]) await commit(each, filler)
    await store.close()
    rmSync(index(), { recursive: true })
    await store.open()
    for (let at = 0; at < C; at += 500)
      for (const each of [store, model]) await each.commit(ENTRIES.slice(at, at + 500))
    expect(await answersOfWriter(store)).toEqual(await answersOfWriter(model))
    await store.close()
    await store.open()
    expect(await answersOfWriter(store)).toEqual(await answersOfWriter(model))
    await store.close()
  })
})

describe('an index that cannot be written', () => {
  /** Lets the writes of indexes fail: those of entries are synced. */
  async function failWrites(): Promise<() => void> {
    const prototype = await batchPrototype(base)
    const { write } = prototype
    const spy = vi.spyOn(prototype, 'write').mockImplementation(async function (
      this: typeof prototype,
      options?: { sync?: boolean },
    ) {
      if (options?.sync !== true) throw new Error('no space left')
      await write.call(this, options)
    })
    return () => spy.mockRestore()
  }

  it('is no reason not to commit, and is derived once it can be', async () => {
    const store = levelStore(directory)
    await store.open()
    const mend = await failWrites()
    const plain = ENTRIES.map((entry) => ({ ...entry, callerId: false }))
    await commit(store, plain)
    expect(store.size).toBe(C)
    mend()
    const model = memoryStore()
    await model.open()
    await commit(model, plain)
    expect(await answersOfWriter(store)).toEqual(await answersOfWriter(model))
    await store.close()
    await store.open()
    expect(await answersOfWriter(store)).toEqual(await answersOfWriter(model))
    await store.close()
  })

  it('since a file is in its place keeps nobody from committing, closing and opening', async () => {
    const store = levelStore(directory)
    await store.open()
    const mend = await failWrites()
    await rename(index(), join(base, 'away'))
    await writeFile(index(), 'no directory')
    const plain = ENTRIES.map((entry) => ({ ...entry, callerId: false }))
    await commit(store, plain)
    expect(store.size).toBe(C)
    await store.close()
    mend()
    await store.open()
    expect(await store.countPostings('tenant', ['t-0'], WALKS[0] as Walk)).toBe(Math.ceil(C / 3))
    await store.close()
  })

  it('since it may not be entered is no reason to refuse the log to a reader', async () => {
    cpSync(stateOf(A), directory, { recursive: true })
    chmodSync(index(), 0)
    const store = await SnapshotStore.open(directory)
    expect(store.size).toBe(A)
    expect(await store.countPostings('tenant', ['t-0'], WALKS[0] as Walk)).toBe(A / 3)
    await store.close()
    chmodSync(index(), 0o700)
  })
})
