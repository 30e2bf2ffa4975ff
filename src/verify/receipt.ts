import {
  type CheckpointTrust,
  type OpenedCheckpoint,
  openCheckpoint,
  parseReceipt,
  type Receipt,
} from '../checkpoint/index.js'
import { verifyInclusion } from '../tree/index.js'

/** The statement that a receipt proves. */
export interface VerifiedReceipt {
  /** Position of the entry in the log. */
  readonly index: bigint
  /** The checkpoint that covers it. */
  readonly checkpoint: OpenedCheckpoint
  /** Further data of the issuer. No signature covers it: anyone may have changed it. */
  readonly extra: Uint8Array | undefined
}

/**
 * Verifies a receipt (C2SP tlog-proof) without the log: trusted keys signed its checkpoint, and the entry is in the
 * tree of that checkpoint. Returns what holds, and throws when it does not.
 *
 * Attacker-controlled: the receipt; `parseReceipt` and `openCheckpoint` bound it, and its `extra` data stays unsigned.
 *
 * @param receipt - the receipt as text, or its bytes
 * @param leafHash - `hashLeaf(entry)` of the entry that it is to prove
 * @throws AuditLogError `AUDIT_PROOF_INVALID` when the receipt is malformed or the entry is not what it proves, and what
 * {@link openCheckpoint} throws
 */
export function verifyReceipt(
  receipt: string | Uint8Array,
  leafHash: Uint8Array,
  trust: CheckpointTrust,
): VerifiedReceipt {
  const { index, proof, checkpoint: note, extra }: Receipt = parseReceipt(receipt)
  const checkpoint = openCheckpoint(note, trust)
  verifyInclusion({ leafHash, index, size: checkpoint.size, root: checkpoint.root, proof })
  return { index, checkpoint, extra }
}
