import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs'
import { type FileHandle, lstat, open, stat } from 'node:fs/promises'
import { AuditLogError } from '../events/errors.js'
import { fileMode, NOBODY, type Readers } from './readers.js'

/*
 * Files of a directory that somebody else may have made. What stands under a name there can be a link to any file, a
 * FIFO that nobody writes to, a device without an end, or a file of any size. Each is refused by name: nothing is
 * followed, waited for, or read past a bound that the caller sets.
 *
 * A path is looked at before it is opened, so that no device is touched, and what was opened is looked at again, so that
 * nothing can be exchanged between the two.
 */

// Windows has none of these.
const { O_NOFOLLOW = 0, O_NONBLOCK = 0, O_NOCTTY = 0 } = constants as Partial<typeof constants>
const SAFELY = O_NOFOLLOW | O_NONBLOCK | O_NOCTTY
const READ = constants.O_RDONLY | SAFELY
const WRITE = constants.O_CREAT | constants.O_RDWR | SAFELY
/** The step by which a read buffer grows with its file. */
const GROWTH_BYTES = 64 * 1024
/** A file that is written in place and has a second name is copied, if it is not larger than this. */
const MAX_COPIED_BYTES = 2 ** 20

/** Opens a file to read it. @throws AuditLogError `AUDIT_FILE_REFUSED`; what the file system throws, such as `ENOENT` */
export async function openRegularFile(path: string): Promise<FileHandle> {
  requireRegular(await lstat(path), path)
  return await openFound(path, READ)
}

/** {@link openRegularFile} for a path that the user names: it may lead through symbolic links. */
export async function openNamedFile(path: string): Promise<FileHandle> {
  requireRegular(await stat(path), path)
  return await openFound(path, READ & ~O_NOFOLLOW)
}

async function openFound(path: string, flags: number): Promise<FileHandle> {
  const file = await open(path, flags).catch((error: unknown) => refuseLink(error, path))
  try {
    requireRegular(await file.stat(), path)
    return file
  } catch (error) {
    await file.close()
    throw error
  }
}

/**
 * Reads the whole of a file.
 *
 * @param maxBytes - a file that has more is refused, and no more than this is read of one that grows
 * @throws AuditLogError `AUDIT_FILE_REFUSED`; what the file system throws, such as `ENOENT`
 */
export async function readRegularFile(path: string, maxBytes: number): Promise<Buffer> {
  return await readToEnd(await openRegularFile(path), path, maxBytes)
}

/** {@link readRegularFile} for a path that the user names: it may lead through symbolic links. */
export async function readNamedFile(path: string, maxBytes: number): Promise<Buffer> {
  return await readToEnd(await openNamedFile(path), path, maxBytes)
}

async function readToEnd(file: FileHandle, path: string, maxBytes: number): Promise<Buffer> {
  try {
    const content = new Content(path, (await file.stat()).size, maxBytes)
    for (;;) {
      const room = content.room()
      const { bytesRead } = await file.read(room, 0, room.length, null)
      if (bytesRead === 0) return content.bytes
      content.add(bytesRead)
    }
  } finally {
    await file.close()
  }
}

/** {@link openRegularFile}, at once. @returns the descriptor */
export function openRegularFileSync(path: string): number {
  requireRegular(lstatSync(path), path)
  return openSafelySync(path, READ)
}

/** {@link readRegularFile}, at once. */
export function readRegularFileSync(path: string, maxBytes: number): Buffer {
  return readToEndSync(openRegularFileSync(path), path, maxBytes)
}

/** {@link readNamedFile}, at once. */
export function readNamedFileSync(path: string, maxBytes: number): Buffer {
  requireRegular(statSync(path), path)
  return readToEndSync(openSafelySync(path, READ & ~O_NOFOLLOW), path, maxBytes)
}

function readToEndSync(descriptor: number, path: string, maxBytes: number): Buffer {
  try {
    const content = new Content(path, fstatSync(descriptor).size, maxBytes)
    for (;;) {
      const room = content.room()
      const bytesRead = readSync(descriptor, room, 0, room.length, null)
      if (bytesRead === 0) return content.bytes
      content.add(bytesRead)
    }
  } finally {
    closeSync(descriptor)
  }
}

/** Reads a file from its beginning, no further than `maxBytes`. @throws as {@link readRegularFile} */
export function readBeginningSync(path: string, maxBytes: number): Buffer {
  const descriptor = openRegularFileSync(path)
  try {
    const bytes = Buffer.allocUnsafeSlow(Math.min(fstatSync(descriptor).size, maxBytes))
    let length = 0
    for (let read = -1; read !== 0 && length < bytes.length; length += read) {
      read = readSync(descriptor, bytes, length, bytes.length - length, null)
    }
    return bytes.subarray(0, length)
  } finally {
    closeSync(descriptor)
  }
}

/**
 * Opens a file to write to it, and creates it where it is missing.
 *
 * @param readers - who may read a new file besides its owner
 * @returns the descriptor
 * @throws AuditLogError `AUDIT_FILE_REFUSED`; what the file system throws
 */
export function openToWriteSync(path: string, readers: Readers = NOBODY): number {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found) requireRegular(found, path)
  const descriptor = openSafelySync(path, WRITE)
  if (!found && readers !== NOBODY) fchmodSync(descriptor, fileMode(readers))
  return descriptor
}

/**
 * {@link openToWriteSync} for a file that is written in place. Where it has another name as well (a hard link), a copy
 * takes its place first: what is written does not appear under that name.
 *
 * @param isEmptied - whether what it holds is given up
 */
export function openToRewriteSync(path: string, isEmptied = false, readers: Readers = NOBODY): number {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found?.isFile() && found.nlink > 1) separate(path, isEmptied, found.mode & 0o666)
  const descriptor = openToWriteSync(path, readers)
  if (isEmptied) ftruncateSync(descriptor, 0)
  return descriptor
}

/** @throws AuditLogError `AUDIT_FILE_REFUSED` for anything but a regular file */
export function requireRegular(found: FileKind, path: string): void {
  if (!found.isFile()) throw refused(path, `is ${kindOf(found)}, where a log has a regular file`)
}

/** @throws AuditLogError `AUDIT_FILE_REFUSED` for anything but a directory */
export function requireDirectory(found: FileKind, path: string): void {
  if (!found.isDirectory()) throw refused(path, `is ${kindOf(found)}, where a log has a directory`)
}

/** Says which file of a log is not touched, and why. */
export function refused(path: string, why: string): AuditLogError {
  return new AuditLogError('AUDIT_FILE_REFUSED', `${path} ${why}. Nothing was done with it: find out who put it there`)
}

/** The kind of a file, as `lstat` and `readdir` report it. */
export type FileKind = Pick<Stats, 'isFile' | 'isSymbolicLink' | 'isDirectory' | 'isFIFO' | 'isSocket'>

function kindOf(found: FileKind): string {
  if (found.isFile()) return 'a regular file'
  if (found.isSymbolicLink()) return 'a symbolic link'
  if (found.isDirectory()) return 'a directory'
  if (found.isFIFO()) return 'a FIFO'
  return found.isSocket() ? 'a socket' : 'a device'
}

/** The part of a file that has been read, in a buffer that grows with it up to a bound. */
class Content {
  readonly #path: string
  readonly #maxBytes: number
  #buffer: Buffer
  #length = 0

  constructor(path: string, size: number, maxBytes: number) {
    this.#path = path
    this.#maxBytes = maxBytes
    this.#requireBound(size)
    // One byte more: a file that has not grown is read, and its end found, without a copy.
    this.#buffer = Buffer.allocUnsafeSlow(size + 1)
  }

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length)
  }

  /** Returns the free part of the buffer, for the next bytes. */
  room(): Buffer {
    if (this.#length === this.#buffer.length) {
      this.#buffer = Buffer.concat([this.#buffer, Buffer.allocUnsafe(GROWTH_BYTES)])
    }
    return this.#buffer.subarray(this.#length)
  }

  add(bytesRead: number): void {
    this.#length += bytesRead
    this.#requireBound(this.#length)
  }

  #requireBound(bytes: number): void {
    if (bytes > this.#maxBytes) {
      throw refused(this.#path, `has more than ${this.#maxBytes} bytes, the most that such a file can have`)
    }
  }
}

function openSafelySync(path: string, flags: number): number {
  let descriptor: number
  try {
    descriptor = openSync(path, flags, 0o600)
  } catch (error) {
    return refuseLink(error, path)
  }
  try {
    requireRegular(fstatSync(descriptor), path)
    return descriptor
  } catch (error) {
    closeSync(descriptor)
    throw error
  }
}

/** Gives a path a file of its own. */
function separate(path: string, isEmptied: boolean, mode: number): void {
  const bytes = isEmptied ? new Uint8Array() : readRegularFileSync(path, MAX_COPIED_BYTES)
  const next = `${path}.next`
  rmSync(next, { force: true })
  writeFileSync(next, bytes, { flag: 'wx', mode: 0o600 })
  chmodSync(next, mode)
  renameSync(next, path)
}

/** A link that took the place of the file after that was looked at. */
function refuseLink(error: unknown, path: string): never {
  if ((error as NodeJS.ErrnoException).code === 'ELOOP') throw refused(path, 'is a symbolic link')
  throw error
}
