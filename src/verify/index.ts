/*
 * Verifying what a log states, without the log: pure functions that need Node.js and nothing else.
 */
export {
  type Checkpoint,
  type CheckpointTrust,
  type Cosignature,
  formatCheckpoint,
  formatReceipt,
  type Note,
  type NoteSignature,
  type OpenedCheckpoint,
  type OpenedNote,
  openCheckpoint,
  openNote,
  parseCheckpoint,
  parseNote,
  parseReceipt,
  type Receipt,
  type Verifier,
  verifierFromVkey,
} from '../checkpoint/index.js'
export { type AuditErrorCode, AuditLogError } from '../events/errors.js'
export {
  type ConsistencyClaim,
  emptyRoot,
  hashLeaf,
  type InclusionClaim,
  verifyConsistency,
  verifyInclusion,
} from '../tree/index.js'
export { type VerifiedReceipt, verifyReceipt } from './receipt.js'
