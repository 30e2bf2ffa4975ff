import { type Checkpoint, isSignedBy, parseCheckpoint, parseNote, type Signer } from '../../checkpoint/index.js'
import { AuditLogError } from '../../events/errors.js'
import type { AuditEventInput } from '../../events/types.js'
import type { AuditStore } from '../../store/contract.js'
import { sameHash } from '../../tree/index.js'
import type { HeadFileContent } from '../journal/head-file.js'
import { OWN_SOURCE } from '../own-source.js'
import type { LogView } from './log-view.js'
import { signatureFits } from './signature.js'

/** A log is not the one that something kept outside of its database says it is. */
export interface Divergence {
  readonly reason:
    | 'entries_missing'
    | 'rolled_back'
    | 'altered'
    | 'checkpoint_missing'
    | 'checkpoint_malformed'
    | 'checkpoint_forged'
  /** For a person. */
  readonly what: string
  /** Number of entries there should be at least. */
  readonly expectedSize?: number | undefined
  /** The checkpoint that the log does not continue. */
  readonly checkpoint?: string | undefined
}

/** A checkpoint, and where it is from, for messages. */
export interface CheckpointSource {
  readonly source: string
  readonly checkpoint: string
}

/** Compares a log with a checkpoint of it. */
export async function divergenceFrom(
  { source, checkpoint }: CheckpointSource,
  log: LogView,
): Promise<Divergence | undefined> {
  let stated: Checkpoint
  try {
    stated = parseCheckpoint(parseNote(checkpoint).text)
  } catch (problem) {
    const what = `${source} is malformed: ${problem instanceof Error ? problem.message : problem}`
    return { reason: 'checkpoint_malformed', what }
  }
  const { size, root } = stated
  const expectedSize = Number(size)
  if (size > BigInt(log.size)) {
    const what = `${source} covers ${size} entries, and it has ${log.size}: the last ${size - BigInt(log.size)} are missing`
    return { reason: 'rolled_back', what, expectedSize, checkpoint }
  }
  const found = await log.rootAt(expectedSize)
  if (!found || sameHash(found, root)) return undefined
  const what = `its first ${size} entries are not those that ${source} covers`
  return { reason: 'altered', what, expectedSize, checkpoint }
}

/** Compares a log with what its head file says. */
export async function divergenceFromHead(
  head: HeadFileContent | 'malformed',
  log: LogView,
): Promise<Divergence | undefined> {
  if (head === 'malformed') return { reason: 'altered', what: 'its file head is malformed' }
  const { size, leaf } = head
  if (log.size < size) {
    const what = `of the ${size} entries that were committed, the last ${size - log.size} are missing`
    return { reason: 'entries_missing', what, expectedSize: size }
  }
  const found = size > 0 ? await log.leafAt(size - 1) : undefined
  if (!found || Buffer.from(found).toString('hex') === leaf) return undefined
  return { reason: 'altered', what: `entry ${size - 1} is not the one that was committed`, expectedSize: size }
}

/**
 * Verifies the signatures of keys that are at hand. A checkpoint of other keys alone says nothing here.
 *
 * @param source - of a checkpoint that is well-formed
 */
export function forgeryOf(
  { source, checkpoint }: CheckpointSource,
  signers: readonly Signer[],
): Divergence | undefined {
  const note = parseNote(checkpoint)
  for (const signer of signers) {
    if (!isSignedBy(note, signer) || signatureFits(checkpoint, signer)) continue
    const what = `${source} has a signature of ${signer.name} that does not fit it`
    return { reason: 'checkpoint_forged', what, checkpoint }
  }
  return undefined
}

/** @returns `AUDIT_LOG_ROLLED_BACK`, `AUDIT_LOG_CORRUPT` */
export function divergenceError({ reason, what }: Divergence, location: string): AuditLogError {
  return new AuditLogError(
    reason === 'rolled_back' ? 'AUDIT_LOG_ROLLED_BACK' : 'AUDIT_LOG_CORRUPT',
    `The audit log ${location} was cut, replaced or altered: ${what}. Keep the directory as evidence and restore a copy, ` +
      `or open it with divergence: 'record' to go on from what is there`,
  )
}

/** Returns the statement of a log that is opened although it diverges. */
export function divergenceEvent(divergence: Divergence, store: AuditStore): AuditEventInput<'audit_log_diverged'> {
  const { reason, expectedSize, checkpoint } = divergence
  return {
    type: 'audit_log_diverged',
    source: OWN_SOURCE,
    data: {
      reason,
      ...(expectedSize !== undefined && { expectedSize }),
      foundSize: store.size,
      foundRoot: Buffer.from(store.root).toString('base64'),
      ...(checkpoint !== undefined && { checkpoint }),
    },
  }
}
