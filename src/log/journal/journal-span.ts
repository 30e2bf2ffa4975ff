import { openRegularFile } from '../../files/regular-file.js'
import type { JournalPosition, SealedEntry } from '../../store/contract.js'
import { filedEvent } from '../../store/filed-event.js'
import { HEAD_BYTES, segmentName, segmentPath } from './journal-format.js'
import { decodeRecord } from './stored-record.js'

/** A stretch of records in the files of a journal. */
export interface JournalSpan {
  readonly from: JournalPosition
  readonly to: JournalPosition
}

/**
 * Reads records back.
 *
 * @param sizes - of the segments before the last one, by number
 * @throws what the file system throws; Error when a record is damaged
 */
export async function readSpan(
  directory: string,
  { from, to }: JournalSpan,
  sizes: ReadonlyMap<number, number>,
): Promise<SealedEntry[]> {
  const entries: SealedEntry[] = []
  for (let { segment } = from; segment <= to.segment; segment++) {
    const start = segment === from.segment ? from.offset : HEAD_BYTES
    const end = segment === to.segment ? to.offset : (sizes.get(segment) ?? start)
    if (end <= start) continue
    // Attacker-controlled: records that this process wrote, in files that others may change; each has its leaf hash.
    const bytes = await readBytes(segmentPath(directory, segment), start, end)
    for (let at = 0; at < bytes.length; ) {
      const record = decodeRecord(bytes, at)
      if (!record) throw new Error(`the journal file ${segmentName(segment)} is damaged at byte ${start + at}`)
      entries.push({
        ...record,
        byteLength: record.bytes.length,
        event: filedEvent(JSON.parse(record.bytes.toString())),
      })
      at = record.end
    }
  }
  return entries
}

async function readBytes(path: string, start: number, end: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(end - start)
  const file = await openRegularFile(path)
  try {
    const { bytesRead } = await file.read(bytes, 0, bytes.length, start)
    return bytes.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}
