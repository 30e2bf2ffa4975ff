import { appendFileSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { AuditEvent } from '../../src/events/types.js'
import { Journal, type JournalStart } from '../../src/log/journal/journal.js'
import { RecordEncoder } from '../../src/log/journal/journal-format.js'
import { sealedEntry } from '../../src/testing/index.js'

/** Segments of a log's journal, oldest first. */
export function segmentsOf(directory: string): string[] {
  return readdirSync(join(directory, 'journal'))
    .filter((name) => name.endsWith('.journal'))
    .sort()
}

export function newestSegment(directory: string): string {
  return join(directory, 'journal', segmentsOf(directory).at(-1) as string)
}

/** Writes a record behind the others of a file, as whoever knows the format can. @returns its bytes */
export function appendForged(path: string, event: Partial<AuditEvent> = {}): number {
  const { buffer, start, length } = new RecordEncoder().encode({ ...sealedEntry(event), callerId: false })
  appendFileSync(path, buffer.subarray(start, start + length))
  return length
}

/** Adds a segment of forged records behind the others. @returns its path */
export function plantSegment(directory: string, start: Partial<JournalStart> = {}, events = 1): string {
  mkdirSync(join(directory, 'journal'), { recursive: true })
  const names = segmentsOf(directory)
  const last = names.at(-1)
  const segment = start.segment ?? Number(last?.slice(0, -8) ?? 0) + 1
  const after = last === undefined ? 0 : statSync(join(directory, 'journal', last)).size
  const journal = new Journal({
    directory: join(directory, 'journal'),
    after,
    oldest: 1,
    bootId: '',
    ...start,
    segment,
  })
  for (let n = 0; n < events; n++) journal.append({ ...sealedEntry({ data: { name: 'forged' } }), callerId: false })
  journal.close()
  return newestSegment(directory)
}
