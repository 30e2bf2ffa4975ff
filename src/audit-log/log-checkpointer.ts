import { CheckpointFile } from '../log/checkpoints/checkpoint-file.js'
import { Checkpointer, type CheckpointerParts } from '../log/checkpoints/checkpointer.js'
import type { ResolvedAuditLogOptions } from '../log/options.js'
import type { Recovered } from '../log/recovery/recovery.js'
import type { AuditStore } from '../store/contract.js'
import { startUnrefTimer } from '../timers/real-timers.js'
import { proveConsistency } from '../tree/index.js'

interface LogCheckpointerParts
  extends Pick<
      ResolvedAuditLogOptions,
      'checkpointIntervalMillis' | 'checkpointTimeoutMillis' | 'externalCheckpointFile' | 'publishCheckpoint'
    >,
    Pick<Recovered, 'signer' | 'checkpointFile' | 'checkpoint'>,
    Pick<CheckpointerParts, 'signed' | 'report'> {
  readonly store: AuditStore
}

/**
 * Returns what signs the checkpoints of a log: also what a process that died left unsigned.
 *
 * @returns `undefined` for a log without a key
 */
export function checkpointerOf(parts: LogCheckpointerParts): Checkpointer | undefined {
  const { store, signer, checkpointFile, externalCheckpointFile, report } = parts
  if (!signer) {
    if (externalCheckpointFile !== undefined)
      report(new Error(`${store.location} has no key: ${externalCheckpointFile} gets no checkpoints`))
    return undefined
  }
  const checkpointer = new Checkpointer({
    signer,
    file: checkpointFile && new CheckpointFile(checkpointFile.path, () => requireInPlace(store)),
    counter: externalCheckpointFile === undefined ? undefined : new CheckpointFile(externalCheckpointFile),
    newest: parts.checkpoint,
    stored: store.checkpoint,
    intervalMillis: parts.checkpointIntervalMillis,
    timeoutMillis: parts.checkpointTimeoutMillis,
    publish: parts.publishCheckpoint,
    proveConsistency: (olderSize, size) => proveConsistency(olderSize, size, store),
    signed: parts.signed,
    report,
    startTimer: startUnrefTimer,
  })
  if (store.size > 0) checkpointer.committed(store.size, store.root)
  return checkpointer
}

/** Another log may be where this one was: nothing of this one is written beside it. */
function requireInPlace({ isInPlace, location }: AuditStore): void {
  if (isInPlace === false) throw new Error(`the directory ${location} was removed or replaced`)
}
