import { resolve } from 'node:path'
import { AuditLogError } from '../events/errors.js'
import { openNamedFile } from '../files/regular-file.js'
import { Findings } from './findings.js'
import { isAbsent, readFailure } from './read-failure.js'
import { type EntryChunk, scanEntries } from './scan-entries.js'
import type { Inspection, InspectionRequest, LogSource } from './source.js'

const READ_BYTES = 1024 * 1024
/** Longer than any entry. */
const MAX_LINE_BYTES = 64 * 1024
const NEWLINE = 0x0a

/**
 * The entries of a log in a file of JSON Lines, from the first one on. Only a checkpoint from elsewhere states what
 * they should be.
 */
export class JsonlFile implements LogSource {
  readonly location: string
  readonly openedAt: number = Date.now()
  readonly checkpoints = []
  readonly vkey = undefined
  readonly defaultOrigin = undefined
  readonly statedSize = undefined
  readonly missingCheckpoint = undefined

  constructor(path: string) {
    this.location = resolve(path)
  }

  async inspect(request: InspectionRequest): Promise<Inspection> {
    const findings = new Findings()
    const { roots, ...scanned } = await scanEntries(readLines(this.location), { request, findings })
    return { ...scanned, rootAt: (at) => roots.rootAt(at), findings: findings.all }
  }

  async close(): Promise<void> {}
}

// Attacker-controlled: lines of any file that is named; a line that exceeds MAX_LINE_BYTES ends the reading.
async function* readLines(path: string): AsyncGenerator<EntryChunk> {
  const file = await openNamedFile(path).catch((cause: unknown) => {
    throw isAbsent(cause)
      ? new AuditLogError('AUDIT_OPEN_FAILED', `There is no file ${path}`, { cause })
      : readFailure(cause, path)
  })
  try {
    let from = 0
    let rest: Buffer = Buffer.alloc(0)
    for (;;) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(READ_BYTES), 0, READ_BYTES)
      const bytes = Buffer.concat([rest, buffer.subarray(0, bytesRead)])
      const entries: Buffer[] = []
      let start = 0
      for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
        entries.push(bytes.subarray(start, end))
        start = end + 1
      }
      rest = bytes.subarray(start)
      if (bytesRead === 0 && rest.length > 0) entries.push(rest)
      yield { from, entries }
      from += entries.length
      if (bytesRead === 0) return
      if (rest.length > MAX_LINE_BYTES) {
        throw new AuditLogError('AUDIT_OPEN_FAILED', `${path} does not hold the entries of a log, a line each`)
      }
    }
  } finally {
    await file.close()
  }
}
