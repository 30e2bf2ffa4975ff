import { cp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { base, directory, grow, note, published, useLogDirectory } from '../../test/support/log-directory.js'
import { Ed25519Signer, formatCheckpoint, parseCheckpoint, parseNote, signNote } from '../checkpoint/index.js'
import { openAuditLog } from './index.js'

useLogDirectory()

const signer = Ed25519Signer.generate('log.example')
const textOf = (checkpoint: string) => parseCheckpoint(parseNote(checkpoint).text)

/** Puts the database, and the files named, back to what they were in a copy. */
async function restore(copy: string, ...names: string[]): Promise<void> {
  for (const name of ['entries', ...names]) {
    await rm(join(directory, name), { recursive: true, force: true })
    await cp(join(copy, name), join(directory, name), { recursive: true })
  }
}

describe('opening refuses', () => {
  const options = { signer, checkpointIntervalMillis: 0 }
  let copy: string

  beforeEach(async () => {
    copy = join(base, 'copy')
    await grow(3, options)
    await cp(directory, copy, { recursive: true })
    await grow(4, options)
  })

  it('a database that was put back to an earlier state', async () => {
    await restore(copy, 'journal')
    await expect(openAuditLog(directory, options)).rejects.toMatchObject({
      code: 'AUDIT_LOG_CORRUPT',
      message: expect.stringContaining('of the 7 entries that were committed, the last 4 are missing'),
    })
  })

  it('nothing where the journal still has what is missing', async () => {
    await restore(copy)
    const log = await openAuditLog(directory, options)
    expect(log.recovery).toMatchObject({ recoveredEvents: 4, unattestedEvents: 4 })
    expect(await log.events({ type: 'custom' }).count()).toBe(7)
    await log.close()
  })

  it('one whose head was put back with it', async () => {
    await restore(copy, 'head', 'journal')
    await expect(openAuditLog(directory, options)).rejects.toMatchObject({
      code: 'AUDIT_LOG_ROLLED_BACK',
      message: expect.stringMatching(/file checkpoint covers 7 entries, and it has 3: the last 4 are missing/),
    })
  })

  it('one whose checkpoint was removed', async () => {
    await rm(join(directory, 'checkpoint'))
    await expect(openAuditLog(directory, options)).rejects.toMatchObject({
      code: 'AUDIT_LOG_CORRUPT',
      message: expect.stringContaining('file checkpoint is missing'),
    })
  })

  it('one whose checkpoint is none', async () => {
    await writeFile(join(directory, 'checkpoint'), 'log.example\n7\n')
    await expect(openAuditLog(directory, options)).rejects.toMatchObject({
      code: 'AUDIT_LOG_CORRUPT',
      message: expect.stringContaining('file checkpoint is malformed'),
    })
  })

  it('one whose checkpoint is of another key, or of another log, that the log does not know of', async () => {
    const { size, root } = textOf(await published())
    for (const forger of ['log.example', 'other.example'].map((name) => Ed25519Signer.generate(name))) {
      const text = formatCheckpoint({ origin: forger.name, size, root, extensions: [] })
      await writeFile(join(directory, 'checkpoint'), await signNote(text, [forger]))
      for (const key of [signer, forger]) {
        await expect(openAuditLog(directory, { signer: key })).rejects.toMatchObject({
          code: 'AUDIT_LOG_CORRUPT',
          message: expect.stringContaining('its file checkpoint'),
        })
      }
    }
  })

  it('one that is put back as a whole, to whoever kept a checkpoint elsewhere', async () => {
    const knownCheckpoint = await published()
    await restore(copy, 'head', 'journal', 'checkpoint')
    await expect(openAuditLog(directory, { ...options, knownCheckpoint })).rejects.toMatchObject({
      code: 'AUDIT_LOG_ROLLED_BACK',
      message: expect.stringContaining('the known checkpoint covers 7 entries'),
    })
    await grow(1, options)
  })

  it('another database of the same length or longer', async () => {
    await grow(9, options, join(base, 'other'))
    await restore(join(base, 'other'), 'journal')
    await rm(join(directory, 'head'))
    await expect(openAuditLog(directory, options)).rejects.toMatchObject({
      code: 'AUDIT_LOG_CORRUPT',
      message: expect.stringContaining('first 7 entries are not those that its file checkpoint covers'),
    })
  })

  it('unless it is told to record it', async () => {
    const lost = await published()
    await restore(copy, 'head', 'journal')
    const log = await openAuditLog(directory, { ...options, divergence: 'record' })
    expect(log.recovery.divergence).toContain('the last 4 are missing')
    const [event] = await log.events({ type: 'audit_log_diverged' }).toArray()
    expect(event).toMatchObject({
      seq: 3,
      data: { reason: 'rolled_back', expectedSize: 7, foundSize: 3, checkpoint: lost },
    })
    await log.append(note('goes on'))
    await log.close()
    expect(textOf(await published()).size).toBe(5n)
    await grow(1, options)
  })
})
