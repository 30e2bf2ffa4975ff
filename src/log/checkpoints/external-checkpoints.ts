import type { Signer } from '../../checkpoint/index.js'
import { isSignedBy, openNote, verifierFromVkey } from '../../checkpoint/index.js'
import { AuditLogError } from '../../events/errors.js'
import type { AuditStore } from '../../store/contract.js'
import type { StartTimer } from '../../timers/real-timers.js'
import { proveConsistency } from '../../tree/index.js'
import { CheckpointFile } from './checkpoint-file.js'
import type { CheckpointPublisher } from './checkpointer.js'
import type { CheckpointSource, Divergence } from './continuity.js'
import { originOf, sizeOf } from './known-checkpoints.js'
import type { ResolvedCheckpointOptions } from './options.js'
import { within } from './time-limit.js'

/*
 * Knowledge of a log that an attacker who can set back its directory cannot set back too: checkpoints kept elsewhere, a
 * external checkpoint file, witnesses.
 */

/** Names a checkpoint of the option `knownCheckpoint`. */
export const KNOWN_CHECKPOINT = 'the known checkpoint'

/**
 * Reads the checkpoints that were kept outside of a log.
 *
 * @throws what a `knownCheckpoint` function rejects with, or an error of its own when it takes too long; what the file
 * system throws, but for a external checkpoint file that is not there yet
 */
export async function externalCheckpoints({
  knownCheckpoint,
  externalCheckpointFile,
  checkpointTimeoutMillis: millis,
}: ResolvedCheckpointOptions): Promise<readonly CheckpointSource[]> {
  const late = () => new Error(`knownCheckpoint did not answer within ${millis} ms`)
  const given =
    typeof knownCheckpoint === 'function'
      ? await within(millis, Promise.resolve(knownCheckpoint()), late)
      : knownCheckpoint
  const sources = [given ?? []].flat().map((checkpoint) => {
    if (typeof checkpoint !== 'string') throw new TypeError('knownCheckpoint must give signed notes, as strings')
    return { source: KNOWN_CHECKPOINT, checkpoint }
  })
  const counted =
    externalCheckpointFile === undefined ? undefined : await new CheckpointFile(externalCheckpointFile).read()
  if (counted !== undefined) sources.push({ source: 'the external checkpoint file', checkpoint: counted })
  return sources
}

/**
 * Returns whether a checkpoint proves that the log went on behind what its store has: a key of the log signed it, and it
 * covers more.
 */
export function provesMore(checkpoint: string | undefined, store: AuditStore, signer: Signer | undefined): boolean {
  if (checkpoint === undefined || !signer) return false
  const size = sizeOf(checkpoint)
  if (size === undefined || size <= BigInt(store.size) || originOf(checkpoint) !== signer.name) return false
  try {
    return isSignedBy(openNote(checkpoint, [verifierFromVkey(signer.vkey)]), signer)
  } catch {
    return false
  }
}

export interface WitnessQuestion extends Pick<ResolvedCheckpointOptions, 'checkpointTimeoutMillis'> {
  readonly publishCheckpoint: CheckpointPublisher | undefined
  /** The newest checkpoint of the log. */
  readonly newest: string | undefined
  readonly store: AuditStore
  readonly report: (problem: Error) => void
  readonly startTimer?: StartTimer
}

/**
 * Asks the witnesses whether they have seen more of a log than it has. One that does not answer holds nothing up, which
 * is reported.
 */
export async function divergenceFromWitnesses({
  publishCheckpoint,
  newest,
  store,
  checkpointTimeoutMillis: millis,
  report,
  startTimer,
}: WitnessQuestion): Promise<Divergence | undefined> {
  if (!publishCheckpoint?.confirm || newest === undefined) return undefined
  const size = Number(sizeOf(newest) ?? 0n)
  if (size > store.size) return undefined
  const log = { proveConsistency: (olderSize: number) => proveConsistency(olderSize, size, store) }
  const late = () => new Error(`the witnesses did not answer within ${millis} ms`)
  try {
    await within(millis, Promise.resolve(publishCheckpoint.confirm(newest, log)), late, startTimer)
    return undefined
  } catch (problem) {
    const code = problem instanceof AuditLogError ? problem.code : undefined
    const what = problem instanceof Error ? problem.message : String(problem)
    if (code === 'AUDIT_LOG_ROLLED_BACK') return { reason: 'rolled_back', what, checkpoint: newest }
    if (code === 'AUDIT_PROOF_INVALID') return { reason: 'altered', what, checkpoint: newest }
    report(problem instanceof Error ? problem : new Error(what))
    return undefined
  }
}
