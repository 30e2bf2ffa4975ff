import type { RemoteParent } from './remote-parent.js'
import type { Run, RunParentage } from './run.js'

/** The run around a run: the one that the application names, else the one it is in, else the one that a caller names. */
export function parentageOf(
  parentRunId: string | undefined,
  parent: Run | undefined,
  remoteParent: RemoteParent | undefined,
): RunParentage {
  const known = parentRunId ?? parent?.runId
  if (known !== undefined) return { parentRunId: known, parentIsClaimed: false }
  const claimed = remoteParent?.claimedParentRunId
  return { parentRunId: claimed, parentIsClaimed: claimed !== undefined }
}
