import { formatReceipt, parseReceipt } from '../../src/checkpoint/receipt.js'
import { verifyReceipt } from '../../src/verify/receipt.js'
import { coded, parsed, same } from '../support/oracle.js'
import { checkpointNote, checkpointText, inclusionProof, leafHashes, ORIGIN, signer } from '../support/signed-log.js'

/*
 * Receipts.
 *
 * Oracles: a receipt that is accepted is formatted as the same bytes; it proves nothing but the entry at its position, by
 * the checkpoint that was signed.
 */
const trust = { origin: ORIGIN, logKeys: [signer.vkey] }
const receipt = { index: 0n, proof: inclusionProof, checkpoint: checkpointNote }

export function fuzz(bytes: Buffer): void {
  const parts = parsed(coded('AUDIT_PROOF_INVALID'), () => parseReceipt(bytes))
  if (parts) same(Buffer.from(formatReceipt(parts)), bytes, 'a receipt is formatted as other bytes')
  for (const [at, leafHash] of leafHashes.entries()) {
    const proved = parsed(coded(), () => verifyReceipt(bytes, leafHash, trust))
    if (!proved) continue
    same([proved.index, parts?.proof], [BigInt(at), inclusionProof], 'a receipt proves an entry that is not there')
    same(proved.checkpoint.signatures.length, 1, 'a receipt proves by a checkpoint that nobody signed')
    same(parts?.checkpoint.startsWith(checkpointText), true, 'a receipt proves by a checkpoint that nobody signed')
  }
}

export function seeds(): Buffer[] {
  return [
    formatReceipt(receipt),
    formatReceipt({ ...receipt, extra: Buffer.from('more') }),
    formatReceipt({ ...receipt, proof: [] }),
  ].map((text) => Buffer.from(text))
}
