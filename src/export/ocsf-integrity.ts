import { hashLeaf } from '../tree/index.js'

const SHA_256 = 3
const HEX = 1
const OTHER = 99

/** The stored form of an event, which its fingerprint is of. */
export interface AttestedEntry {
  readonly seq: number
  /** The bytes of the entry. */
  readonly entry: Uint8Array
  /** The origin of the log, where it is known. */
  readonly origin: string | undefined
}

/**
 * Returns the `attestation_list` of an event: the leaf hash of its entry, by which the log's checkpoints and receipts prove it.
 * It has no `prev_event`: a leaf hash does not cover the entry before it; the tree, which checkpoints sign, tells their order.
 */
export function attestations({ seq, entry, origin }: AttestedEntry): readonly object[] {
  const fingerprint = {
    algorithm_id: SHA_256,
    algorithm: 'SHA-256',
    encoding_id: HEX,
    encoding: 'Hex',
    serialization_id: OTHER,
    serialization: 'RFC 6962 leaf: 0x00, then the bytes of the log entry',
    value: Buffer.from(hashLeaf(entry)).toString('hex'),
  }
  return [{ uid: String(seq), ...(origin !== undefined && { chain_uid: origin }), fingerprint }]
}
