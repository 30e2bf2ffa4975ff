import { openRegularFile } from '../../files/regular-file.js'
import { BLOCK_BYTES } from './log-records.js'
import { type LogReader, recordsOf } from './recovered-records.js'

const CHUNK_BYTES = 8 * BLOCK_BYTES

/**
 * Reads a log file, in constant memory.
 *
 * @param take - called with each record; its bytes are not to be kept
 * @throws AuditLogError `AUDIT_FILE_REFUSED`; what the file system throws; Error when not all of it could be read
 */
export async function readLogFile(path: string, reader: LogReader, take: (record: Buffer) => void): Promise<void> {
  const file = await openRegularFile(path)
  try {
    const stats = await file.stat()
    const buffer = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, stats.size))
    for (let at = 0; at < stats.size; at += CHUNK_BYTES) {
      const chunk = buffer.subarray(0, stats.size - at)
      for (let filled = 0; filled < chunk.length; ) {
        const { bytesRead } = await file.read(chunk, filled, chunk.length - filled, at + filled)
        if (bytesRead === 0) throw new Error(`${path} ends at byte ${at + filled} of ${stats.size}`)
        filled += bytesRead
      }
      for (const record of recordsOf(chunk, reader)) take(record)
    }
  } finally {
    await file.close()
  }
}
