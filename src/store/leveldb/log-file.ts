import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { BLOCK_BYTES, type LogReader, recordsOf } from './log-records.js'

const CHUNK_BYTES = 8 * BLOCK_BYTES

/**
 * Reads a log file, in constant memory.
 *
 * @param take - called with each record; its bytes are not to be kept
 * @throws what the file system throws; Error when the path leads to no regular file, or not all of it could be read
 */
export async function readLogFile(path: string, reader: LogReader, take: (record: Buffer) => void): Promise<void> {
  const file = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0))
  try {
    const stats = await file.stat()
    if (!stats.isFile()) throw new Error(`${path} is no regular file`)
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
