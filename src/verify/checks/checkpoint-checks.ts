import type { ComparedCheckpoint } from '../compare-checkpoints.js'
import type { Evidence } from '../evidence.js'
import { problem } from '../problems.js'
import { type Check, problemsIn } from './check.js'

/** One of the checkpoints, and the evidence that it is part of. */
export interface CheckpointInEvidence {
  readonly checkpoint: ComparedCheckpoint
  readonly log: Evidence
}

/** No signature of a trusted key or witness is wrong. */
const signatureIntact: Check<CheckpointInEvidence> = {
  name: 'signatureIntact',
  check({ checkpoint: { source, signed } }) {
    if (signed.by !== undefined || !signed.isWrong) return []
    return [problem('altered', 'checkpoint_altered', `${source} was altered: ${signed.reason}`)]
  },
}

/**
 * A key that was the log's at that size signed it. After a change of keys the database has a checkpoint by the key before
 * until the next commit, which is no fault as long as another one proves as much.
 */
const signatureTrusted: Check<CheckpointInEvidence> = {
  name: 'signatureTrusted',
  check({ checkpoint: { source, signed, holds, size, isElsewhere }, log: { provenSize } }) {
    if (signed.by !== undefined || signed.isWrong) return []
    const isSuperseded = !isElsewhere && signed.isByKeyBefore && holds === true && size <= provenSize
    return isSuperseded ? [] : [problem('unknown_key', 'key_unknown', `${source}: ${signed.reason}`)]
  },
}

/** The entries that it covers are there. A checkpoint that no trusted key signed says nothing about the entries. */
const coveredEntriesPresent: Check<CheckpointInEvidence> = {
  name: 'coveredEntriesPresent',
  check({ checkpoint, log: { inspection } }) {
    if (!coversMissingEntries(checkpoint)) return []
    const { source, size: covered } = checkpoint
    const { size } = inspection
    const message = `${source} covers ${covered} entries, of which the last ${covered - size} are not there`
    return [
      problem('truncated', 'truncated', message, { count: covered - size, entries: [{ from: size, to: covered }] }),
    ]
  },
}

/** The log continues it: the entries have its root. A rollback that the log states explains another root. */
const logContinues: Check<CheckpointInEvidence> = {
  name: 'logContinues',
  check({ checkpoint, log: { inspection, provenSize } }) {
    const { source, size, signed, holds } = checkpoint
    if (signed.by === undefined || holds !== false) return []
    const rolledBackAt = inspection.statements.diverged.spans[0]?.from
    if (rolledBackAt !== undefined && rolledBackAt < size) {
      const message = `${source} covers entries that are gone: the log was rolled back before entry ${rolledBackAt}`
      return [problem('truncated', 'rolled_back', message, { entries: [{ from: rolledBackAt, to: size }] })]
    }
    const message = `${source} has another root than the first ${size} entries`
    return [problem('altered', 'root_mismatch', message, { entries: [{ from: Math.min(provenSize, size), to: size }] })]
  },
}

/** Checks of one checkpoint, each of which has at most one of these faults. */
export const CHECKPOINT_CHECKS: readonly Check<CheckpointInEvidence>[] = [
  signatureIntact,
  signatureTrusted,
  coveredEntriesPresent,
  logContinues,
]

/** Every checkpoint is signed by a trusted key, and the log continues it: one after the other, as they were found. */
export const checkpointsHold: Check = {
  name: 'checkpointsHold',
  check(log, policy) {
    return log.checkpoints.flatMap((checkpoint) => problemsIn(CHECKPOINT_CHECKS, { checkpoint, log }, policy))
  },
}

/** Returns whether a signed checkpoint covers more entries than there are. */
export function coversMissingEntries({ signed, holds }: ComparedCheckpoint): boolean {
  return signed.by !== undefined && holds === undefined
}
