import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { lockInProcess } from './process-lock.js'

const listing = vi.hoisted(() => ({ error: undefined as NodeJS.ErrnoException | undefined }))

vi.mock('node:fs', async (importOriginal) => {
  const original = await importOriginal<typeof import('node:fs')>()
  const readdirSync = (path: string) => {
    if (listing.error) throw listing.error
    return original.readdirSync(path)
  }
  return { ...original, readdirSync }
})

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'spanledger-'))
})
afterEach(async () => {
  listing.error = undefined
  await rm(directory, { recursive: true })
})

const failure = (code: string) => Object.assign(new Error(code), { code })

it.each(['EMFILE', 'ENFILE', 'ENOMEM', 'EIO'])(
  'gives nobody the lock while descriptors cannot be listed: %s',
  async (code) => {
    listing.error = failure(code)
    await expect(lockInProcess(directory, directory)).rejects.toMatchObject({ code })
    listing.error = undefined
    const release = await lockInProcess(directory, directory)
    await expect(lockInProcess(directory, directory)).rejects.toMatchObject({ code: 'AUDIT_LOG_LOCKED' })
    release()
  },
)

it('does without where no system lists descriptors', async () => {
  listing.error = failure('ENOENT')
  const release = await lockInProcess(directory, directory)
  await expect(lockInProcess(directory, directory)).rejects.toMatchObject({ code: 'AUDIT_LOG_LOCKED' })
  release()
})
