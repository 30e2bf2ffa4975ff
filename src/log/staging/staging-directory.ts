import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { requireDirectory } from '../../files/regular-file.js'
import { isOnNetworkFileSystem } from '../../store/network-file-system.js'
import {
  hasEnded,
  identityText,
  ownIdentity,
  type ProcessIdentity,
  parseIdentity,
} from '../../store/process-identity.js'
import { MAX_SEGMENT_BYTES, SEGMENT_BYTES, segmentPath, segmentsIn } from '../journal/journal-format.js'

/*
 * A staging journal is what a process records before it has a log. It is a directory with segments of a journal:
 *
 *   staging/<id>.<owner>/000001.journal            what its owner records
 *   staging/<id>.<owner>.<log id>/000001.journal   the same, while that log takes it over: nobody else does any more
 *   staging/aside/<id>.<owner>…                    was malformed, or damaged; nothing reads it again
 *
 * The owner is the identity of its process, `ended` once it has given the journal up in order, or `unknown` where a process
 * cannot be told from others. Every change of state is one rename, so that of several who try exactly one succeeds.
 */

/** Bytes that a process may stage. What comes behind them is dropped, and counted. */
export const MAX_STAGED_BYTES: number = 16 * SEGMENT_BYTES
/** The last record, and heads of segments, may go past the limit. */
const MAX_TOTAL_BYTES = MAX_STAGED_BYTES + MAX_SEGMENT_BYTES
const MAX_SEGMENTS = 1_000
export const ASIDE = 'aside'

const NAME = /^([\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})\.([\w-]{1,128})(?:\.([\da-f]{16}))?$/

/** The name of a staging journal, taken apart. */
export interface StagingName {
  readonly id: string
  readonly owner: ProcessIdentity | 'ended' | 'unknown'
  /** Id of the log that takes the journal over. */
  readonly log: string | undefined
}

/** Tells whether the owner of a staging journal still has it. */
export type OwnerState = 'alive' | 'dead' | 'unknown'

export function stagingName({ id, owner, log }: StagingName): string {
  const name = `${id}.${typeof owner === 'string' ? owner : identityText(owner)}`
  return log === undefined ? name : `${name}.${log}`
}

/** Takes the name of a staging journal apart; `undefined` for any other name. */
export function parseStagingName(name: string): StagingName | undefined {
  // Attacker-controlled: the name of a directory; one anchored pattern.
  const [, id, text, log] = NAME.exec(name) ?? []
  if (id === undefined || text === undefined) return undefined
  const owner = text === 'ended' || text === 'unknown' ? text : parseIdentity(text)
  return owner && { id, owner, log }
}

/** A staging journal in its directory. */
export interface FoundStaging extends StagingName {
  readonly directory: string
  readonly ownerState: OwnerState
  /** The reason why it is none: a link or a file in its place, or more than an owner can have written. */
  readonly malformed: string | undefined
  readonly bytes: number
}

/**
 * Lists the staging journals of a ledger, in no order.
 *
 * @param staging - the directory that has them
 * @throws AuditLogError `AUDIT_FILE_REFUSED` where it is no directory; what the file system throws, unless it is missing
 */
export function findStaging(staging: string): readonly FoundStaging[] {
  let names: string[]
  try {
    requireDirectory(lstatSync(staging), staging)
    names = readdirSync(staging)
  } catch (problem) {
    if (ABSENT.has((problem as NodeJS.ErrnoException).code ?? '')) return []
    throw problem
  }
  const parsed = names.flatMap((name) => {
    const found = parseStagingName(name)
    return found ? [{ ...found, directory: join(staging, name) }] : []
  })
  if (parsed.length === 0) return []
  const stateOf = ownerStates(staging)
  return parsed.flatMap((found) => {
    const size = sizeOf(found.directory)
    return size === undefined ? [] : [{ ...found, ...size, ownerState: stateOf(found.owner) }]
  })
}

const ABSENT: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR'])

function ownerStates(staging: string): (owner: StagingName['owner']) => OwnerState {
  const own = ownIdentity()
  const isShared = isOnNetworkFileSystem(staging)
  return (owner) => {
    if (owner === 'ended') return 'dead'
    if (owner === 'unknown' || !own) return 'unknown'
    // A process of another boot may be running on another machine.
    if (isShared && (owner.bootId !== own.bootId || own.bootId === '')) return 'unknown'
    if (hasEnded(owner, own)) return 'dead'
    return owner.namespace === own.namespace ? 'alive' : 'unknown'
  }
}

/** `undefined` for a journal that is gone. */
function sizeOf(directory: string): Pick<FoundStaging, 'bytes' | 'malformed'> | undefined {
  // Attacker-controlled: a directory; at most MAX_SEGMENTS files and MAX_TOTAL_BYTES, and no links.
  const found = lstatSync(directory, { throwIfNoEntry: false })
  if (!found) return undefined
  if (!found.isDirectory()) return { bytes: 0, malformed: 'it is no directory' }
  const segments = segmentsIn(directory)
  if (segments.length > MAX_SEGMENTS) return { bytes: 0, malformed: `it has more than ${MAX_SEGMENTS} files` }
  let bytes = 0
  for (const segment of segments) {
    const file = lstatSync(segmentPath(directory, segment), { throwIfNoEntry: false })
    if (file && !file.isFile()) return { bytes, malformed: 'it has something else than files' }
    bytes += file?.size ?? 0
  }
  return { bytes, malformed: bytes > MAX_TOTAL_BYTES ? `it has more than ${MAX_TOTAL_BYTES} bytes` : undefined }
}
