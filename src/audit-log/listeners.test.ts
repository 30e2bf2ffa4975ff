import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { AMPLE } from '../../test/support/ample.js'
import { diskFull, openFailing } from '../../test/support/failing-log.js'
import { listening } from '../../test/support/listening.js'
import { crashImage, directory, note, openAt, useLogDirectory } from '../../test/support/log-directory.js'
import { Ed25519Signer } from '../checkpoint/index.js'
import type { RecoveredLog } from '../log/audit-log-events.js'

useLogDirectory()

const signer = Ed25519Signer.generate('log.example')
describe('a listener', () => {
  it('of a log that is open is removed by what adding it returned', async () => {
    const { log, control } = await openFailing({ on: { problem: () => {} } })
    const removed = vi.fn()
    log.on('problem', removed)()
    const kept = vi.fn()
    log.on('problem', kept)
    control.failure = diskFull()
    log.record(note('a'))
    await expect(log.flush()).rejects.toThrow()
    expect(removed).not.toHaveBeenCalled()
    expect(kept).toHaveBeenCalledOnce()
    control.failure = undefined
  })

  it('may record from within each event: nothing is lost, and nobody is called without end', async () => {
    const recording = (name: string) => () => log.record(note(`heard ${name}`))
    const { log, control } = await openFailing({ on: { problem: () => recording('problem')() } })
    for (const event of ['dropped', 'gap'] as const) log.on(event, recording(event))
    control.failure = diskFull()
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

describe('a listener that closes the log', () => {
  const tight = { durability: 'flush-only', maxQueueBytes: 70_000 } as const

  it('when events begin to be dropped: what was taken is stored, and the gap is on record', async () => {
    let closed: Promise<void> | undefined
    const { log } = await openFailing({ ...tight, on: { problem: () => {} } })
    log.on('dropped', () => {
      closed ??= log.close()
    })
    for (let n = 0; n < 3; n++) log.record(note('large', 50_000))
    await closed
    expect(log.counters().dropped).toEqual({ queue_full: 1, closed: 1 })
    const again = await openAt(directory, { signer: false })
    expect(await again.events({ type: 'events_dropped' }).toArray()).toMatchObject([{ data: { count: 1 } }])
    expect(await again.events({ type: 'custom' }).count()).toBe(1)
  })

  it('when a gap is on record, within the commit that stores it', async () => {
    let closed: Promise<void> | undefined
    const { log } = await openFailing({ ...tight, on: { problem: () => {} } })
    log.on('gap', () => {
      closed ??= log.close()
    })
    for (let n = 0; n < 2; n++) log.record(note('large', 50_000))
    await vi.waitFor(() => expect(closed).toBeDefined(), AMPLE)
    await closed
    expect(log.health().status).toBe('closed')
    expect(log.counters()).toMatchObject({ queuedEvents: 0, dropped: { queue_full: 1 } })
  })

  it('when its store fails: closing it tells what was lost, and those who wait are rejected', async () => {
    let closed: Promise<void> | undefined
    const { log, control } = await openFailing({ durability: 'flush-only', on: { problem: () => close() } })
    const close = () => {
      closed ??= log.close()
      closed.catch(() => {})
    }
    control.failure = diskFull()
    await expect(log.append(note('a'))).rejects.toMatchObject({ code: 'AUDIT_WRITE_FAILED' })
    await expect(closed).rejects.toMatchObject({ code: 'AUDIT_WRITE_FAILED' })
    expect(log.health().status).toBe('closed')
  })

  it('when a checkpoint is signed', async () => {
    let closed: Promise<void> | undefined
    const log = await openAt(directory, { signer, checkpointIntervalMillis: 1e9 })
    log.on('checkpoint', () => {
      closed ??= log.close()
    })
    await log.append(note('a'))
    await log.checkpoint()
    await closed
    const again = await openAt(directory, { signer })
    expect(again.recovery).toMatchObject({ unclean: false })
  })
})

describe('a log that is closed', () => {
  it('emits to a listener that is added then that events are dropped, once', async () => {
    const log = await openAt(directory, { signer: false })
    await log.close()
    const [dropped, checkpoint] = [vi.fn(), vi.fn()]
    log.on('checkpoint', checkpoint)
    log.on('dropped', dropped)
    for (let n = 0; n < 2; n++) log.record(note('late'))
    expect(dropped.mock.calls).toMatchObject([[{ location: directory, reason: 'closed' }]])
    expect(checkpoint).not.toHaveBeenCalled()
  })
})

describe('a log of a ledger', () => {
  /** Makes an image of a ledger whose two processes died; the journal of the second one is damaged. */
  async function deadNeighbour() {
    await openAt(directory, { shared: true })
    const second = await openAt(directory, { shared: true })
    await second.flush()
    for (const name of ['b', 'c', 'd']) second.record(note(name))
    const image = crashImage()
    const location = join(image, second.location.slice(directory.length))
    const segments = (await readdir(join(location, 'journal'))).map((name) => join(location, 'journal', name))
    for (const segment of segments) {
      const bytes = await readFile(segment)
      const at = bytes.indexOf('"c"')
      if (at < 0) continue
      bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at)
      await writeFile(segment, bytes)
    }
    return { image, location }
  }

  it('emits the gaps of a neighbour that died, with the location of that one', async () => {
    const { image, location } = await deadNeighbour()
    const { on, emitted } = listening()
    await openAt(image, { shared: true, damagedJournal: 'discard', on })
    await vi.waitFor(() => expect(emitted.gap).toMatchObject([{ location, reason: 'journal_damaged' }]), AMPLE)
    await vi.waitFor(() => expect(emitted.recovered.map((each) => each.location)).toContain(location), AMPLE)
    expect(emitted.dropped).toEqual([])
  })

  it('emits the problem of a neighbour that cannot be recovered, once', async () => {
    const { image, location } = await deadNeighbour()
    const { on, emitted } = listening()
    const log = await openAt(image, { shared: true, on })
    await vi.waitFor(() => expect(emitted.problem).toHaveLength(1), AMPLE)
    expect(emitted.problem[0]?.message).toContain(location)
    await log.append(note('goes on'))
    await log.close()
    expect(emitted.problem).toHaveLength(1)
  })

  it('may be closed by a listener while a neighbour that died is recovered', async () => {
    const { image, location } = await deadNeighbour()
    let closed: Promise<void> | undefined
    const on = { problem: () => {}, recovered: (value: RecoveredLog) => value.location === location && close() }
    const log = await openAt(image, { shared: true, damagedJournal: 'discard', on })
    const close = () => {
      closed ??= log.close()
    }
    await vi.waitFor(() => expect(closed).toBeDefined(), AMPLE)
    await closed
    expect(log.health().status).toBe('closed')
  })
})
