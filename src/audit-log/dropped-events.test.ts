import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { AMPLE } from '../../test/support/ample.js'
import { diskFull, openFailing } from '../../test/support/failing-log.js'
import { listening } from '../../test/support/listening.js'
import { crashImage, directory, note, openAt, useLogDirectory } from '../../test/support/log-directory.js'

useLogDirectory()

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
    const { log, control } = await openFailing({ ...tight, on })
    control.failure = diskFull()
    for (let n = 0; n < 3; n++) log.record(note('large', 50_000))
    await expect(log.flush()).rejects.toThrow()
    expect(emitted).toMatchObject({ dropped: [{ reason: 'queue_full' }], gap: [] })
    control.failure = undefined
    await log.flush()
    await log.flush()
    expect(emitted.gap).toMatchObject([{ reason: 'queue_full', count: 2 }])
  })

  it('are emitted once for events that come to a closed log', async () => {
    const { on, emitted } = listening()
    const log = await openAt(directory, { signer: false, on })
    await log.close()
    for (let n = 0; n < 3; n++) log.record(note('late'))
    expect(emitted.dropped).toMatchObject([{ reason: 'closed' }])
    expect(log.counters().dropped).toEqual({ closed: 3 })
    expect(emitted.gap).toEqual([])
  })

  it('tell of events with which a log is closed whose store fails', async () => {
    const { on, emitted } = listening()
    const { log, control } = await openFailing({ ...tight, on })
    control.failure = diskFull()
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
