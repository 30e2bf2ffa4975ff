import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { openRegularFile, readRegularFile, refused } from '../../files/regular-file.js'
import { corrupt } from './errors.js'
import { BLOCK_BYTES } from './log-records.js'
import { MAX_MANIFEST_BYTES, type Manifest, ManifestReader } from './manifest.js'

/** `MANIFEST-` and a number. */
const MAX_CURRENT_BYTES = 64
const MANIFEST_CHUNK_BYTES = 32 * BLOCK_BYTES

/** Returns the manifest name in CURRENT. @throws AuditLogError `AUDIT_LOG_CORRUPT`, `AUDIT_FILE_REFUSED` */
export async function readCurrent(source: string, location: string): Promise<string> {
  // Attacker-controlled: the file CURRENT; at most MAX_CURRENT_BYTES of it, and a name of one form.
  const name = (await readRegularFile(join(source, 'CURRENT'), MAX_CURRENT_BYTES)).toString('latin1').trim()
  if (!/^MANIFEST-\d+$/.test(name)) throw corrupt(location, 'entries/CURRENT names no manifest')
  return name
}

/** @throws AuditLogError `AUDIT_LOG_CORRUPT`, `AUDIT_FILE_REFUSED`; what the file system throws */
export async function readManifest(path: string, location: string): Promise<{ manifest: Manifest; bytes: number }> {
  // Attacker-controlled: a manifest; refused above MAX_MANIFEST_BYTES, and read by chunks.
  const file = await openRegularFile(path)
  try {
    if ((await file.stat()).size > MAX_MANIFEST_BYTES) {
      throw refused(path, `has more than ${MAX_MANIFEST_BYTES} bytes, the most that such a file can have`)
    }
    const reader = new ManifestReader()
    for (let bytes = 0; ; ) {
      const chunk = await readWhole(file, bytes, MANIFEST_CHUNK_BYTES)
      reader.add(chunk)
      bytes += chunk.length
      if (chunk.length < MANIFEST_CHUNK_BYTES || bytes >= MAX_MANIFEST_BYTES) return { manifest: reader.end(), bytes }
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw corrupt(location, `${error.message} (${path})`, error)
  } finally {
    await file.close()
  }
}

/** Reads on from a place, to the end at the most: what the file system gives at once may be less. */
async function readWhole(file: FileHandle, from: number, bytes: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(bytes)
  for (let length = 0; ; ) {
    const { bytesRead } = await file.read(buffer, length, bytes - length, from + length)
    length += bytesRead
    if (bytesRead === 0 || length === bytes) return buffer.subarray(0, length)
  }
}
