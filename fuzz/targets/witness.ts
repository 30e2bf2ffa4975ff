import { formatNote } from '../../src/checkpoint/note.js'
import { httpWitness } from '../../src/witness/http-witness.js'
import { coded, parsedLater, same } from '../support/oracle.js'
import { checkpointNote, checkpointText, cosignature, logSignature, witness } from '../support/signed-log.js'

/*
 * Responses of a witness over HTTP. An input is a byte for the status, and a body.
 *
 * Oracles: only coded errors come out; a checkpoint gets the cosignature that the witness made, and nothing else.
 */
const log = { proveConsistency: async () => [] }
const refusals = coded(
  'AUDIT_WITNESS_FAILED',
  'AUDIT_LOG_ROLLED_BACK',
  'AUDIT_PROOF_INVALID',
  'AUDIT_NOTE_INVALID',
  'AUDIT_SIGNATURE_INVALID',
  'AUDIT_KEY_UNKNOWN',
)
const expected = formatNote({ text: checkpointText, signatures: [logSignature, cosignature] })
const STATUSES = [200, 409, 404, 500]

export async function fuzz(bytes: Buffer): Promise<void> {
  const status = STATUSES[(bytes[0] ?? 0) % STATUSES.length] as number
  const body = bytes.subarray(1)
  globalThis.fetch = async () => new Response(new Uint8Array(body), { status })
  const client = httpWitness({ url: 'http://witness.example', vkey: witness.vkey })
  const cosigned = await parsedLater(refusals, () => client.cosign(checkpointNote, log))
  if (cosigned !== undefined) same(cosigned, expected, 'a witness puts something else into a checkpoint')
}

export function seeds(): Buffer[] {
  const line = formatNote({ text: checkpointText, signatures: [cosignature] }).slice(checkpointText.length + 1)
  return [`\0${line}`, `\0${line}${line}`, '\x011\n', '\x0199\n', '\x02not here'].map((text) => Buffer.from(text))
}
