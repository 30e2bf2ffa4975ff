/*
 * Verifying what a log states, and copies of a log, without the log: it needs Node.js and nothing else.
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
export { type ContentProof, verifyContentProof } from '../content/value-proof.js'
export { AuditLogError, type AuditLogErrorCode } from '../events/errors.js'
export {
  type ConsistencyClaim,
  emptyRoot,
  hashLeaf,
  type InclusionClaim,
  verifyConsistency,
  verifyInclusion,
} from '../tree/index.js'
export { JsonlFile } from './jsonl-file.js'
export type { VerifyOptions } from './options.js'
export type { RecordDamageKind, VerifyProblemKind } from './problem-kinds.js'
export { type VerifiedReceipt, verifyReceipt } from './receipt.js'
export type {
  ContentTally,
  LedgerLogReport,
  LedgerReport,
  ReportedCheckpoint,
  SeqSpan,
  VerifyBasis,
  VerifyProblem,
  VerifyReport,
  VerifyStatus,
} from './report.js'
export type { FoundCheckpoint, LogSource, VerifyProgress } from './source.js'
export { TileDirectory } from './tile-directory.js'
export { verifyLog } from './verify-log.js'
