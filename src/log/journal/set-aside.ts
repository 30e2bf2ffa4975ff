import { constants, lstatSync, readdirSync, type Stats } from 'node:fs'
import { copyFile, lstat, open, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { AuditLogError } from '../../events/errors.js'
import type { AuditEventInput } from '../../events/types.js'
import { readersIn } from '../../files/readers.js'
import { syncFile } from '../../files/sync-file.js'
import type { JournalPosition } from '../../store/contract.js'
import { createDirectory, syncDirectory } from '../../store/directory.js'
import { OWN_SOURCE } from '../own-source.js'
import { HEAD_BYTES, readSegment, segmentName, segmentPath, segmentsIn } from './journal-format.js'

/*
 * Content of a journal that is not taken over is kept:
 *
 *     journal/000003.journal                        │ head │ record │ record │ ◀ here the log was closed
 *     journal/aside/000003-000000123456/000003.journal   the file as it was found, with what somebody wrote behind it
 *     journal/aside/000003-000000123456/000004.journal   a file that somebody added
 *
 * The name of the folder is the position up to which the store had the journal. The commit that records it moves that
 * position, so that it is recorded once, whenever the process dies.
 */

const ASIDE = 'aside'

/** The part of a journal that was set aside. */
export interface SetAsideJournal {
  readonly files: number
  /** Bytes that were not taken over. */
  readonly bytes: number
}

const NOTHING: SetAsideJournal = { files: 0, bytes: 0 }
const BEGINNING: JournalPosition = { segment: 1, offset: 0 }

/**
 * Measures what lies in a journal behind the position at which its log was closed. Changes nothing.
 *
 * @throws what the file system throws
 */
export function foreignIn(directory: string, closedAt: JournalPosition = BEGINNING): SetAsideJournal {
  return sum(foreignSegments(directory, closedAt).map(({ bytes }) => bytes))
}

/**
 * Moves what lies behind the position at which a log was closed to a folder of its own, bytes unchanged: nobody who had the
 * log has written it.
 *
 * @returns all that is in that folder: a process may have died here before it was recorded
 * @throws AuditLogError `AUDIT_LOG_CORRUPT` when something else has the folder's place; what the file system throws
 */
export async function setForeignAside(
  directory: string,
  closedAt: JournalPosition = BEGINNING,
): Promise<SetAsideJournal> {
  const found = foreignSegments(directory, closedAt)
  const aside = folderFor(directory, closedAt)
  if (found.length > 0) await createFolder(directory, aside)
  for (const { segment, isTail } of found) {
    const path = segmentPath(directory, segment)
    const own = isTail ? readSegment(path, closedAt.offset) : undefined
    await rename(path, freeName(aside, segmentName(segment)))
    if (own) await writeSegment(path, own)
  }
  if (found.length > 0) {
    await syncDirectory(aside)
    await syncDirectory(directory)
  }
  return contentOf(aside, closedAt)
}

/** Copies the log's own segments of which some content is not taken over. */
export async function keepCopies(
  directory: string,
  segments: Iterable<number>,
  from: JournalPosition = BEGINNING,
): Promise<SetAsideJournal> {
  const aside = folderFor(directory, from)
  const sizes: number[] = []
  for (const segment of segments) {
    const path = segmentPath(directory, segment)
    const stats = await lstat(path)
    if (!stats.isFile()) continue
    if (sizes.length === 0) await createFolder(directory, aside)
    await copyFile(path, join(aside, segmentName(segment)), constants.COPYFILE_FICLONE)
    sizes.push(stats.size)
  }
  if (sizes.length > 0) await syncDirectory(aside)
  return sum(sizes)
}

/** Builds the log's statement that it set journal files aside. */
export function setAsideEvent({ files, bytes }: SetAsideJournal): AuditEventInput<'journal_set_aside'> {
  return { type: 'journal_set_aside', source: OWN_SOURCE, data: { files, bytes } }
}

interface ForeignSegment {
  readonly segment: number
  readonly bytes: number
  /** The log wrote the file, and not what follows in it. */
  readonly isTail: boolean
}

/** A head alone is what an opening leaves that failed or died: no record is lost with it. */
function foreignSegments(directory: string, { segment: last, offset }: JournalPosition): ForeignSegment[] {
  const found: ForeignSegment[] = []
  for (const segment of segmentsIn(directory)) {
    if (segment < last) continue
    const stats = lstatSync(segmentPath(directory, segment))
    const isOwn = segment === last && offset > 0 && stats.isFile()
    const foreign = stats.size - (isOwn ? offset : HEAD_BYTES)
    if (!stats.isFile() || foreign > 0) found.push({ segment, bytes: isOwn ? foreign : sizeOf(stats), isTail: isOwn })
  }
  return found
}

function contentOf(aside: string, { segment, offset }: JournalPosition): SetAsideJournal {
  let names: string[]
  try {
    names = readdirSync(aside)
  } catch (problem) {
    if ((problem as NodeJS.ErrnoException).code === 'ENOENT') return NOTHING
    throw problem
  }
  return sum(
    names.map((name) => {
      const size = sizeOf(lstatSync(join(aside, name)))
      return name === segmentName(segment) ? Math.max(0, size - offset) : size
    }),
  )
}

function folderFor(directory: string, { segment, offset }: JournalPosition): string {
  return join(directory, ASIDE, `${String(segment).padStart(6, '0')}-${String(offset).padStart(12, '0')}`)
}

/** A link in its place would lead out of the log's directory. */
async function createFolder(directory: string, folder: string): Promise<void> {
  for (const path of [join(directory, ASIDE), folder]) {
    await createDirectory(path, readersIn(directory)).catch(() => {})
    const stats = await lstat(path)
    if (stats.isDirectory()) continue
    throw new AuditLogError('AUDIT_LOG_CORRUPT', `${path} is no folder: it was put there in place of one`)
  }
}

/** Returns a free name, so that files set aside earlier are not overwritten. */
function freeName(folder: string, name: string): string {
  for (let copy = 1; ; copy++) {
    const path = join(folder, copy === 1 ? name : `${name}.${copy}`)
    if (!lstatSync(path, { throwIfNoEntry: false })) return path
  }
}

async function writeSegment(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(bytes)
    await syncFile(file)
  } finally {
    await file.close()
  }
}

function sizeOf(stats: Stats): number {
  return stats.isFile() ? stats.size : 0
}

function sum(sizes: readonly number[]): SetAsideJournal {
  return { files: sizes.length, bytes: sizes.reduce((total, bytes) => total + bytes, 0) }
}
