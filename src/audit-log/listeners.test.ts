import { describe, expect, it, vi } from 'vitest'
import { AMPLE } from '../../test/support/ample.js'
import { closeLater, crashImage, directory, note, openAt, useLogDirectory } from '../../test/support/log-directory.js'
import { Ed25519Signer } from '../checkpoint/index.js'
import type { AuditLogListeners } from '../log/audit-log-events.js'
import { resolveOptions } from '../log/options.js'
import { levelStore } from '../store/leveldb/index.js'
import { openLog } from './open-log.js'

useLogDirectory()

const signer = Ed25519Signer.generate('log.example')
const broken = () => Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })

/** Opens a log in the directory whose store can be made to fail. */
async function openFailing(on: AuditLogListeners) {
  const store = levelStore(directory)
  const control = { failure: undefined as Error | undefined }
  const { commit } = store
  store.commit = async (group, marks) => {
    if (control.failure) throw control.failure
    return await commit.call(store, group, marks)
  }
  const { log } = await openLog(store, directory, resolveOptions({ signer: false, on }))
  closeLater(log)
  return { log, control }
}

describe('a listener', () => {
  it('of a log that is open is removed by what adding it returned', async () => {
    const { log, control } = await openFailing({ problem: () => {} })
    const removed = vi.fn()
    log.on('problem', removed)()
    const kept = vi.fn()
    log.on('problem', kept)
    control.failure = broken()
    log.record(note('a'))
    await expect(log.flush()).rejects.toThrow()
    expect(removed).not.toHaveBeenCalled()
    expect(kept).toHaveBeenCalledOnce()
    control.failure = undefined
  })

  it('may record from within each event: nothing is lost, and nobody is called without end', async () => {
    const recording = (name: string) => () => log.record(note(`heard ${name}`))
    const { log, control } = await openFailing({ problem: () => recording('problem')() })
    for (const event of ['dropped', 'gap'] as const) log.on(event, recording(event))
    control.failure = broken()
    log.record(note('a'))
    await expect(log.flush()).rejects.toThrow()
    control.failure = undefined
    await log.flush()
    const names = (await log.events({ type: 'custom' }).toArray()).map(({ data }) => data.name)
    expect(names).toEqual(['a', 'heard problem'])
  })

  it('may record into a queue that is full: what it records is a part of the same gap', async () => {
    const tight = { signer: false, durability: 'flush-only', maxQueueBytes: 70_000 } as const
    let calls = 0
    const again = () => {
      calls++
      log.record(note('again', 50_000))
    }
    const log = await openAt(directory, { ...tight, on: { dropped: () => again(), problem: () => again() } })
    for (let n = 0; n < 2; n++) log.record(note('large', 50_000))
    expect(calls).toBe(2)
    await log.flush()
    await vi.waitFor(async () => expect(await log.events({ type: 'events_dropped' }).count()).toBe(1), AMPLE)
    expect(log.counters().dropped).toEqual({ queue_full: 3 })
  })

  it('may append and take a checkpoint from within a checkpoint', async () => {
    const sizes: number[] = []
    const log = await openAt(directory, { signer, checkpointIntervalMillis: 1e9 })
    log.on('checkpoint', async ({ size }) => {
      sizes.push(size)
      if (size === 3) return
      await log.append(note('answer'))
      await log.checkpoint()
    })
    await log.append(note('a'))
    await log.checkpoint()
    await vi.waitFor(() => expect(sizes).toEqual([1, 2, 3]), AMPLE)
  })

  it('that throws or rejects keeps no log from being opened, written and closed', async () => {
    const before = await openAt(directory, { signer: false })
    before.record(note('a'))
    const image = crashImage()
    const fail = vi.fn(() => {
      throw new Error('at once')
    })
    const reject = vi.fn(() => Promise.reject(new Error('later')))
    const on = { recovered: fail, checkpoint: reject, problem: fail, dropped: reject, gap: fail }
    const log = await openAt(image, { on })
    await log.append(note('b'))
    await log.close()
    log.record(note('late'))
    expect(fail).toHaveBeenCalledOnce()
    expect(reject.mock.calls.length).toBeGreaterThan(1)
  })

  it('has a name that there is', async () => {
    const log = await openAt(directory, { signer: false })
    expect(() => log.on('checkpoints' as 'checkpoint', () => {})).toThrow("did you mean 'checkpoint'?")
  })
})
