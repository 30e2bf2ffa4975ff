import { AuditLogError } from '../events/errors.js'
import { type StatedContent, statedContentOf } from '../events/stated-content.js'
import { textOf } from '../events/text.js'
import type { AuditEvent } from '../events/types.js'
import { type ContentChoice, keptBytes } from '../reader/content/choice.js'
import type { LogEntry } from '../reader/log-entry.js'
import { type AuditStore, MAX_CONTENT_BYTES, type SealedEntry } from '../store/contract.js'
import { filedEvent } from '../store/filed-event.js'
import { hashLeaf, sameHash } from '../tree/index.js'
import type { ForwardedLog } from './options.js'

/** Bytes of entries and content that one commit takes at most, unless a single entry has more. */
const MAX_GROUP_BYTES = 4 * 1024 * 1024

/** Entries that follow each other. */
export interface ForwardedGroup {
  /** Position of the first of them. */
  readonly from: number
  /** None at the end of the log. */
  readonly entries: readonly SealedEntry[]
}

/**
 * Reads the entries from a position on that go into one commit, as they are stored. It begins behind removed ones.
 *
 * @param content - that is going to be added to them
 */
export async function readGroup(
  log: ForwardedLog,
  from: number,
  maxEntries: number,
  content: ContentChoice = 'none',
): Promise<ForwardedGroup> {
  const group: SealedEntry[] = []
  let first = from
  let bytes = 0
  for await (const entry of log.entries({ afterSeq: from - 1, limit: maxEntries })) {
    if (group.length === 0) first = entry.seq
    else if (entry.seq !== first + group.length) break
    const { sealed, stated } = asSealed(entry, log.location)
    bytes += entry.bytes.length + Math.min(keptBytes(stated, content), MAX_CONTENT_BYTES)
    if (group.length > 0 && bytes > MAX_GROUP_BYTES) break
    group.push(sealed)
  }
  return { from: first, entries: group }
}

interface ReadEntry {
  readonly sealed: SealedEntry
  readonly stated: StatedContent | undefined
}

/** The same bytes, so the same leaf. What its caller chose as id was seen to when it was first stored. */
function asSealed({ seq, bytes }: LogEntry, location: string): ReadEntry {
  try {
    // Attacker-controlled: the entry as it is stored; only the fields by which it is filed are read, and what it states of its content.
    const event = JSON.parse(textOf(bytes)) as AuditEvent
    const filed = { event: filedEvent(event), callerId: false }
    const sealed = { bytes, byteLength: bytes.length, leafHash: hashLeaf(bytes), ...filed }
    return { sealed, stated: statedContentOf(event.content) }
  } catch (cause) {
    throw new AuditLogError('AUDIT_LOG_CORRUPT', `Entry ${seq} of the audit log ${location} is no event`, { cause })
  }
}

/** Compares what a store holds from a position on with what it should. @throws AuditLogError `AUDIT_LOG_DIVERGED` */
export async function compareStored(remote: AuditStore, from: number, expected: readonly SealedEntry[]): Promise<void> {
  let at = 0
  for await (const chunk of remote.entries({ from, to: from + expected.length, reverse: false })) {
    for (const { bytes } of chunk) {
      const { leafHash } = expected[at] as SealedEntry
      if (!sameHash(hashLeaf(bytes), leafHash)) throw diverged(remote.location, `entry ${from + at} is another`)
      at++
    }
  }
  if (at < expected.length) throw diverged(remote.location, `entry ${from + at} is missing`)
}

/** Compares the trees of both logs over the entries that the remote log has. @throws AuditLogError `AUDIT_LOG_DIVERGED` */
export async function compareTrees(log: ForwardedLog, remote: AuditStore): Promise<void> {
  const { size, root } = remote
  if (size === 0) return
  const { size: localSize } = await log.head()
  if (localSize < size) throw diverged(remote.location, `it has ${size} entries, and ${log.location} ${localSize}`)
  const local = await log.prove(size - 1, { size })
  if (!sameHash(local.root, root)) {
    throw diverged(remote.location, `its ${size} entries are not the first ones of ${log.location}`)
  }
}

function diverged(location: string, what: string): AuditLogError {
  return new AuditLogError(
    'AUDIT_LOG_DIVERGED',
    `The audit log ${location} is no copy of the one that is forwarded to it: ${what}. Give each log that is forwarded a log of its own`,
  )
}
