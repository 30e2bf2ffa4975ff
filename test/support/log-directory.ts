import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, vi } from 'vitest'
import { type AuditLog, openAuditLog } from '../../src/audit-log/index.js'
import { parseCheckpoint, parseNote } from '../../src/checkpoint/index.js'
import type { AuditEventInput } from '../../src/events/types.js'
import type { AuditLogOptions } from '../../src/log/options.js'
import { copyLive } from './copy-live.js'
import { base, directory, useTestDirectory } from './test-directory.js'

export { base, directory } from './test-directory.js'

const open: AuditLog[] = []
let images = 0

/** Gives each test of a file a directory of its own, and closes its logs at its end. */
export function useLogDirectory(): void {
  useTestDirectory()
  afterEach(async () => {
    vi.unstubAllEnvs()
    await Promise.allSettled(open.splice(0).map((log) => log.close()))
  })
}

/** Closes a log at the end of the test. */
export function closeLater(log: AuditLog): AuditLog {
  open.push(log)
  return log
}

/** Opens a log that is closed at the end of the test. */
export async function openAt(location: string, options?: Omit<AuditLogOptions, 'store'>): Promise<AuditLog> {
  return closeLater(await openAuditLog(location, { on: { problem: () => {} }, ...options }))
}

/** Copies the open log as its process would leave it that died just now. Everything up to here happened in one go. */
export function crashImage(): string {
  images++
  const image = join(base, `image-${images}`)
  copyLive(directory, image)
  return image
}

/** Makes a crash image with three events committed and `uncommitted` in the journal alone. */
export async function crashedLog(...uncommitted: string[]): Promise<string> {
  const log = await openAt(directory)
  for (const name of ['a', 'b', 'c']) await log.append(note(name))
  for (const name of uncommitted) log.record(note(name))
  return crashImage()
}

/** Opens the log, appends so many events and closes it. @param location - of the log */
export async function grow(
  events: number,
  options: Omit<AuditLogOptions, 'store'> = {},
  location = directory,
): Promise<void> {
  const log = await openAuditLog(location, options)
  for (let n = 0; n < events; n++) await log.append(note(`${n}`))
  await log.close()
}

export function note(name: string, pad = 0): AuditEventInput<'custom'> {
  return { type: 'custom', data: { name, ...(pad > 0 && { pad: 'x'.repeat(pad) }) } }
}

export const namesIn = async (log: AuditLog) =>
  (await log.events({ type: 'custom' }).toArray()).map(({ data }) => data.name)
export const segmentsOf = async (of: string) => (await readdir(join(of, 'journal'))).sort()
export const newestSegment = async (of: string) => join(of, 'journal', (await segmentsOf(of)).at(-1) as string)
/** Returns the newest checkpoint, from its file. */
export const published = () => readFile(join(directory, 'checkpoint'), 'utf8')
/** Returns the number of entries that a checkpoint covers. */
export const sizeOf = (checkpoint: string) => parseCheckpoint(parseNote(checkpoint).text).size
