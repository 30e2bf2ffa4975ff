import { constants } from 'node:fs'
import { chmod, copyFile, mkdir, open, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readRegularFile } from '../files/regular-file.js'
import { syncFile } from '../files/sync-file.js'
import { HEAD_BYTES, MAX_SEGMENT_BYTES, segmentName, segmentPath, segmentsIn } from '../log/journal/journal-format.js'
import { decodeRecord } from '../log/journal/stored-record.js'
import { syncDirectory } from '../store/directory.js'
import { CONTENT } from '../store/leveldb/content/database.js'
import { ENTRIES } from '../store/leveldb/database.js'
import { isAbsent } from '../verify/read-failure.js'
import type { FrozenPart } from './frozen-ledger.js'

/** The journal went on past what was frozen, and the writer has deleted the files in between. */
export class JournalGone extends Error {}

const LEVELDB = /^(CURRENT|MANIFEST-\d+|\d+\.(log|ldb))$/
const MAX_KEY_BYTES = 64 * 1024

/**
 * Copies a frozen log into a directory, durably: databases, journal, checkpoint and public key. Nothing of it shares bytes
 * with the log.
 *
 * @param target - a directory that is created
 * @throws JournalGone when it has to be frozen again; what the file system throws
 */
export async function copyLog(part: FrozenPart, target: string, withKeys: boolean): Promise<void> {
  const { source, directory, hasIndex, checkpoint, head } = part
  await mkdir(target, { recursive: true, mode: 0o700 })
  for (const name of [ENTRIES, 'index', CONTENT]) {
    if (name === 'index' && !hasIndex) continue
    if (name === CONTENT && !(await readdir(join(directory, name)).catch(unlessAbsent))) continue
    await copyDatabase(join(directory, name), join(target, name))
  }
  await copyJournal(part, join(target, 'journal'))
  if (head) await writeNew(join(target, 'head'), head)
  if (checkpoint !== undefined) await writeNew(join(target, 'checkpoint'), checkpoint)
  const keys = join(source.path, 'keys')
  for (const name of withKeys ? ['signing.vkey', 'signing.key'] : ['signing.vkey']) {
    const key = await readRegularFile(join(keys, name), MAX_KEY_BYTES).catch(unlessAbsent)
    if (!key) continue
    await mkdir(join(target, 'keys'), { recursive: true, mode: 0o700 })
    await writeNew(join(target, 'keys', name), key)
  }
  await syncDirectory(target)
}

/** @param source - laid out by this process, from links and files of its own */
async function copyDatabase(source: string, target: string): Promise<void> {
  await mkdir(target, { mode: 0o700 })
  for (const name of await readdir(source)) {
    if (!LEVELDB.test(name)) continue
    const path = join(target, name)
    await copyFile(join(source, name), path, constants.COPYFILE_FICLONE)
    await chmod(path, 0o600)
    await sync(path)
  }
  await syncDirectory(target)
}

/**
 * Copies the files that have what the entries have not. A file is complete once there is another behind it. So the last of
 * the list may end in the middle of a record, as after a crash, and those before are whole.
 */
async function copyJournal({ source, journal }: FrozenPart, target: string): Promise<void> {
  if (!journal) return
  const directory = join(source.path, 'journal')
  const listed = await segmentsOf(directory)
  const needed = listed.filter((segment) => segment >= journal.segment)
  // A position at the beginning of a file may come before the file.
  if (needed[0] !== journal.segment && (needed.length > 0 || journal.offset > 0)) throw new JournalGone()
  await mkdir(target, { mode: 0o700 })
  for (const segment of needed) {
    const bytes = await readRegularFile(segmentPath(directory, segment), MAX_SEGMENT_BYTES).catch(unlessAbsent)
    if (!bytes) throw new JournalGone()
    const from = segment === journal.segment && journal.offset > 0 ? journal.offset : HEAD_BYTES
    const end = endBeforeNote(bytes, from)
    await writeNew(join(target, segmentName(segment)), bytes.subarray(0, end))
    if (end < bytes.length) break
  }
  await syncDirectory(target)
}

/**
 * Returns the position of the first note of siblings: it may tell of entries that their copies do not have, so that the
 * journal of the copy ends before it.
 */
function endBeforeNote(segment: Buffer, from: number): number {
  // Attacker-controlled: a segment of at most MAX_SEGMENT_BYTES; a record that is none ends the walk.
  for (let at = from; at < segment.length; ) {
    const record = decodeRecord(segment, at)
    if (!record) break
    if (segment.subarray(at, record.end).includes('"siblings_noted"')) return at
    at = record.end
  }
  return segment.length
}

async function segmentsOf(directory: string): Promise<readonly number[]> {
  try {
    return segmentsIn(directory).sort((one, other) => one - other)
  } catch (error) {
    return unlessAbsent(error) ?? []
  }
}

function unlessAbsent(error: unknown): undefined {
  if (!isAbsent(error)) throw error
  return undefined
}

async function writeNew(path: string, content: string | Uint8Array): Promise<void> {
  await writeFile(path, content, { flag: 'wx', mode: 0o600, flush: true })
}

async function sync(path: string): Promise<void> {
  const file = await open(path, 'r+')
  try {
    await syncFile(file)
  } finally {
    await file.close()
  }
}
