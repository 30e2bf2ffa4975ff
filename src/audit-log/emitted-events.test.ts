import { chmod, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { AMPLE } from '../../test/support/ample.js'
import { diskFull, openFailing } from '../../test/support/failing-log.js'
import { listening } from '../../test/support/listening.js'
import { base, crashImage, directory, note, openAt, useLogDirectory } from '../../test/support/log-directory.js'
import { createWitness } from '../../test/support/witness.js'
import { Ed25519Signer } from '../checkpoint/index.js'
import { openAuditLog } from './index.js'

useLogDirectory()

const signer = Ed25519Signer.generate('log.example')
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
    const { log, control } = await openFailing({ on })
    for (const episode of [1, 2]) {
      control.failure = diskFull()
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
    expect(emitted.recovered).toMatchObject([{ unclean: true, recoveredEvents: 1, interruptedRuns: 1 }])
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
    expect(emitted.recovered.map(({ recoveredEvents }) => recoveredEvents).sort()).toEqual([0, 1])
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
    const externalCheckpointFile = join(base, 'counter')
    const log = await openAt(directory, { signer, on, externalCheckpointFile, checkpointIntervalMillis: 1e9 })
    await log.append(note('a'))
    await rename(directory, `${directory}-away`)
    await expect(log.checkpoint()).rejects.toThrow()
    expect(emitted.checkpoint).toEqual([])
  })
})
