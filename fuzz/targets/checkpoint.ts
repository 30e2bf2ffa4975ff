import { type Checkpoint, formatCheckpoint, openCheckpoint, parseCheckpoint } from '../../src/checkpoint/checkpoint.js'
import { readCosignature } from '../../src/checkpoint/cosignature.js'
import { claim, coded, parsed, same } from '../support/oracle.js'
import { checkpointNote, checkpointText, cosignedNote, ORIGIN, signer, witness } from '../support/signed-log.js'

/*
 * Checkpoints, signed and cosigned.
 *
 * Oracles: a checkpoint that is accepted is formatted as the same text; opened is only what log and witness signed.
 */
const trust = { origin: ORIGIN, logKeys: [signer.vkey], witnessKeys: [witness.vkey], witnessQuorum: 1 }
const refusals = coded('AUDIT_NOTE_INVALID', 'AUDIT_SIGNATURE_INVALID', 'AUDIT_KEY_UNKNOWN', 'AUDIT_ORIGIN_MISMATCH')

export function fuzz(bytes: Buffer): void {
  readCosignature(bytes)
  const text = bytes.toString()
  const stated: Checkpoint | undefined = parsed(coded('AUDIT_NOTE_INVALID'), () => parseCheckpoint(text))
  if (stated) same(formatCheckpoint(stated), text, 'a checkpoint is formatted as another text')
  const opened = parsed(refusals, () => openCheckpoint(bytes, trust))
  if (!opened) return
  same(formatCheckpoint(opened), checkpointText, 'a checkpoint that nobody signed is opened')
  claim(opened.cosignatures.length === 1, 'a checkpoint without its cosignature is opened')
}

export function seeds(): Buffer[] {
  return [checkpointText, checkpointNote, cosignedNote, `${checkpointText}extension\n`].map((text) => Buffer.from(text))
}
