import { chmod, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { AMPLE } from '../../test/support/ample.js'
import { copyLive } from '../../test/support/copy-live.js'
import { createWitness } from '../../test/support/witness.js'
import { Ed25519Signer } from '../checkpoint/index.js'
import type { AuditEventInput } from '../events/types.js'
import type { AuditLogEvents, AuditLogListeners } from '../log/audit-log-events.js'
import { type AuditLogOptions, resolveOptions } from '../log/options.js'
import { levelStore } from '../store/leveldb/index.js'
import { type AuditLog, openAuditLog } from './index.js'
import { openLog } from './open-log.js'

let base: string
let directory: string
const open: AuditLog[] = []
const signer = Ed25519Signer.generate('log.example')

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'spanledger-listeners-'))
  directory = join(base, 'audit')
})
afterEach(async () => {
  await Promise.allSettled(open.splice(0).map((log) => log.close()))
  await rm(base, { recursive: true, force: true })
})

/** Listeners that keep what they get. */
function listening() {
  const emitted = {
    problem: [] as AuditLogEvents['problem'][],
    recovered: [] as AuditLogEvents['recovered'][],
    checkpoint: [] as AuditLogEvents['checkpoint'][],
    dropped: [] as AuditLogEvents['dropped'][],
    gap: [] as AuditLogEvents['gap'][],
  }
  const on = {
    problem: (value: AuditLogEvents['problem']) => emitted.problem.push(value),
    recovered: (value: AuditLogEvents['recovered']) => emitted.recovered.push(value),
    checkpoint: (value: AuditLogEvents['checkpoint']) => emitted.checkpoint.push(value),
    dropped: (value: AuditLogEvents['dropped']) => emitted.dropped.push(value),
    gap: (value: AuditLogEvents['gap']) => emitted.gap.push(value),
  }
  return { on, emitted }
}

async function openAt(location: string, options: Omit<AuditLogOptions, 'store'>): Promise<AuditLog> {
  const log = await openAuditLog(location, options)
  open.push(log)
  return log
}

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
  open.push(log)
  return { log, control }
}

/** Copies the open log of the directory, as its process would leave it that died just now. */
function crashImage(): string {
  const image = join(base, 'image')
  copyLive(directory, image)
  return image
}

const note = (name: string, pad = 0): AuditEventInput<'custom'> => ({
  type: 'custom',
  data: { name, ...(pad > 0 && { pad: 'x'.repeat(pad) }) },
})
const broken = () => Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })

describe('a log in good order', () => {
  it('emits nothing but checkpoints', async () => {
    const { on, emitted } = listening()
    for (const name of ['a', 'b']) {
      const log = await openAt(directory, { signer, on, checkpointIntervalMillis: 0 })
      await log.append(note(name))
      await log.close()
    }
    expect(emitted).toMatchObject({ problem: [], recovered: [], dropped: [], gap: [] })
    expect(emitted.checkpoint.map(({ size }) => size)).toEqual([1, 2])
  })
})

describe('problem', () => {
  it('is emitted once an episode of a store that fails', async () => {
    const { on, emitted } = listening()
    const { log, control } = await openFailing(on)
    for (const episode of [1, 2]) {
      control.failure = broken()
      for (const name of ['a', 'b']) {
        log.record(note(name))
        await expect(log.flush()).rejects.toThrow()
      }
      expect(emitted.problem).toHaveLength(episode)
      expect(emitted.problem.at(-1)).toMatchObject({ code: 'AUDIT_WRITE_FAILED', cause: control.failure })
      control.failure = undefined
      await log.flush()
    }
  })

  it('is emitted when the directory of the log is gone', async () => {
    const { on, emitted } = listening()
    const log = await openAt(directory, { signer: false, on })
    await log.append(note('a'))
    await rename(directory, `${directory}-away`)
    log.record(note('b'))
    await expect(log.flush()).rejects.toThrow()
    expect(emitted.problem).toMatchObject([{ code: 'AUDIT_LOG_REMOVED' }])
  })

  it.skipIf(process.platform === 'win32')('is emitted while the log is opened', async () => {
    await (await openAuditLog(directory)).close()
    await chmod(join(directory, 'keys/signing.key'), 0o644)
    const { on, emitted } = listening()
    await openAt(directory, { on })
    expect(emitted.problem).toMatchObject([{ message: expect.stringContaining('Others than its owner can read') }])
  })

  it('is emitted for what publishing a checkpoint throws, and the checkpoint all the same', async () => {
    const { on, emitted } = listening()
    const publishCheckpoint = () => {
      throw new Error('no network')
    }
    const log = await openAt(directory, { signer, on, publishCheckpoint, checkpointIntervalMillis: 1e9 })
    await log.append(note('a'))
    await log.checkpoint()
    expect(emitted.problem).toMatchObject([{ message: 'no network' }])
    expect(emitted.checkpoint).toMatchObject([{ size: 1 }])
  })
})

describe('recovered', () => {
  it('is emitted while a log is opened whose process died, with what was recovered', async () => {
    const before = await openAt(directory, { signer: false })
    await before.append({ type: 'run_started', runId: 'r-1', data: { agent: { name: 'writer' } } })
    before.record(note('in the journal'))
    const image = crashImage()
    const { on, emitted } = listening()
    const log = await openAt(image, { signer: false, on })
    expect(emitted.recovered).toEqual([{ location: image, ...log.recovery }])
    expect(emitted.recovered).toMatchObject([{ unclean: true, replayedEvents: 1, interruptedRuns: 1 }])
    await log.close()
    await openAt(image, { signer: false, on })
    expect(emitted.recovered).toHaveLength(1)
  })

  it('is emitted for a log of the ledger whose writer died, with its location', async () => {
    const [first, second] = [await openAt(directory, { shared: true }), await openAt(directory, { shared: true })]
    await second.flush()
    second.record(note('in the journal'))
    const image = crashImage()
    const { on, emitted } = listening()
    const log = await openAt(image, { shared: true, on })
    await vi.waitFor(() => expect(emitted.recovered).toHaveLength(2), AMPLE)
    const other = [first, second].map(({ location }) => join(image, location.slice(directory.length)))
    expect(emitted.recovered.map(({ location }) => location).sort()).toEqual(other)
    expect(emitted.recovered.map(({ location }) => location)).toContain(log.location)
    expect(emitted.recovered.map(({ replayedEvents }) => replayedEvents).sort()).toEqual([0, 1])
  })
})

describe('checkpoint', () => {
  it('is emitted once it is in place, with its cosignatures', async () => {
    const witness = createWitness('witness.example')
    const inPlace: string[] = []
    const { on, emitted } = listening()
    const log = await openAt(directory, {
      signer,
      on,
      publishCheckpoint: (checkpoint) => witness.cosign(checkpoint, 1_795_300_506n),
      checkpointIntervalMillis: 1e9,
    })
    log.on('checkpoint', async () => inPlace.push(await readFile(join(directory, 'checkpoint'), 'utf8')))
    await log.append(note('a'))
    const signed = await log.checkpoint()
    expect(emitted.checkpoint).toEqual([{ location: directory, note: signed, size: 1, origin: 'log.example' }])
    expect(signed).toContain('witness.example')
    await vi.waitFor(() => expect(inPlace).toEqual([signed]), AMPLE)
    await log.checkpoint()
    expect(emitted.checkpoint).toHaveLength(1)
  })

  it('is not emitted for one that cannot be written', async () => {
    const { on, emitted } = listening()
    const counterFile = join(base, 'counter')
    const log = await openAt(directory, { signer, on, counterFile, checkpointIntervalMillis: 1e9 })
    await log.append(note('a'))
    await rename(directory, `${directory}-away`)
    await expect(log.checkpoint()).rejects.toThrow()
    expect(emitted.checkpoint).toEqual([])
  })
})

describe('dropped and gap', () => {
  const tight = { signer: false, durability: 'flush-only', maxQueueBytes: 70_000 } as const

  it('are emitted once an episode: when events begin to be lost, and when that is on record', async () => {
    const { on, emitted } = listening()
    const log = await openAt(directory, { ...tight, on })
    for (const episode of [1, 2]) {
      for (let n = 0; n < 6; n++) log.record(note('large', 50_000))
      expect(emitted.dropped).toHaveLength(episode)
      expect(emitted.gap).toHaveLength(episode - 1)
      await vi.waitFor(() => expect(emitted.gap).toHaveLength(episode), AMPLE)
      await log.flush()
    }
    expect(emitted.problem).toMatchObject([{ code: 'AUDIT_LOG_FULL' }, { code: 'AUDIT_LOG_FULL' }])
    const gaps = await log.events({ type: 'events_dropped' }).toArray()
    expect(emitted.gap).toEqual(gaps.map(({ data }) => ({ location: directory, ...data })))
    expect(emitted.gap).toMatchObject([
      { reason: 'queue_full', count: 5 },
      { reason: 'queue_full', count: 5 },
    ])
    expect(emitted.dropped).toEqual(
      emitted.gap.map(({ reason, from: since }) => ({ location: directory, reason, since })),
    )
  })

  it('of a store that fails are emitted when it works again', async () => {
    const { on, emitted } = listening()
    const store = levelStore(directory)
    const { commit } = store
    const { log } = await openLog(store, directory, resolveOptions({ ...tight, on }))
    open.push(log)
    store.commit = () => Promise.reject(broken())
    for (let n = 0; n < 3; n++) log.record(note('large', 50_000))
    await expect(log.flush()).rejects.toThrow()
    expect(emitted).toMatchObject({ dropped: [{ reason: 'queue_full' }], gap: [] })
    store.commit = commit
    await log.flush()
    await log.flush()
    expect(emitted.gap).toMatchObject([{ reason: 'queue_full', count: 2 }])
  })

  it('tell of events that come to a closed log, once', async () => {
    const { on, emitted } = listening()
    const log = await openAt(directory, { signer: false, on })
    await log.close()
    for (let n = 0; n < 3; n++) log.record(note('late'))
    expect(emitted.dropped).toMatchObject([{ reason: 'closed' }])
    expect(log.stats().dropped).toEqual({ closed: 3 })
    expect(emitted.gap).toEqual([])
  })

  it('tell of events with which a log is closed whose store fails', async () => {
    const { on, emitted } = listening()
    const store = levelStore(directory)
    const { log } = await openLog(store, directory, resolveOptions({ ...tight, on }))
    store.commit = () => Promise.reject(broken())
    log.record(note('lost'))
    await expect(log.close()).rejects.toMatchObject({ code: 'AUDIT_WRITE_FAILED' })
    expect(emitted.dropped).toMatchObject([{ reason: 'write_failed' }])
  })

  it('are emitted while a log is opened whose journal is damaged', async () => {
    const before = await openAt(directory, { signer: false })
    await before.append(note('a'))
    for (const name of ['b', 'c', 'd']) before.record(note(name))
    const image = crashImage()
    const segment = join(image, 'journal/000001.journal')
    const bytes = await readFile(segment)
    bytes.writeUInt8((bytes.readUInt8(bytes.indexOf('"c"')) ?? 0) ^ 1, bytes.indexOf('"c"'))
    await writeFile(segment, bytes)
    const { on, emitted } = listening()
    const log = await openAt(image, { signer: false, damagedJournal: 'discard', on })
    const [gap] = await log.events({ type: 'events_dropped' }).toArray()
    expect(emitted.gap).toEqual([{ location: image, ...gap?.data }])
    expect(emitted).toMatchObject({ gap: [{ reason: 'journal_damaged', count: 1 }], recovered: [{ gaps: 1 }] })
    expect(emitted.dropped).toEqual([])
  })

  it('are no events that an application records under the same name', async () => {
    const { on, emitted } = listening()
    const log = await openAt(directory, { signer: false, on })
    const data = { count: 1, reason: 'queue_full', from: '2026-11-21T22:35:06Z', to: '2026-11-21T22:35:06Z' }
    log.record({ type: 'events_dropped', data })
    await log.flush()
    expect(emitted.gap).toEqual([])
  })
})

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
    expect(log.stats().dropped).toEqual({ queue_full: 3 })
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
