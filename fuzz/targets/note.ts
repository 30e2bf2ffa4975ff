import { formatNote, openNote, parseNote } from '../../src/checkpoint/note.js'
import { coded, parsed, same } from '../support/oracle.js'
import { checkpointNote, checkpointText, cosignedNote, logSignature, signer } from '../support/signed-log.js'

/*
 * Signed notes. An input is a note; its bytes are besides laid over a signed one.
 *
 * Oracles: a note that is accepted is formatted as the same bytes; opened is only what was signed, with its signature.
 */
const refusals = coded('AUDIT_NOTE_INVALID', 'AUDIT_SIGNATURE_INVALID', 'AUDIT_KEY_UNKNOWN')
const signed = Buffer.from(checkpointNote)

export function fuzz(bytes: Buffer): void {
  const note = parsed(coded('AUDIT_NOTE_INVALID'), () => parseNote(bytes))
  if (note) same(Buffer.from(formatNote(note)), bytes, 'a note is formatted as other bytes')
  open(bytes)
  open(altered(bytes))
}

function open(message: Buffer): void {
  const opened = parsed(refusals, () => openNote(message, [signer.vkey]))
  if (!opened) return
  same(opened.text, checkpointText, 'a note that nobody signed is opened')
  same(opened.signatures, [logSignature], 'a note is opened by a signature that nobody made')
}

/** The signed note with bytes of the input in place of its own: pairs of a place and what is added to the byte there. */
function altered(edits: Buffer): Buffer {
  const note = Buffer.from(signed)
  for (let at = 0; at + 1 < edits.length; at += 2) {
    const place = (edits[at] as number) % note.length
    note[place] = (note[place] as number) + (edits[at + 1] as number)
  }
  return note
}

export function seeds(): Buffer[] {
  return [Buffer.from(checkpointNote), Buffer.from(cosignedNote), Buffer.of(1, 0), Buffer.of(200, 3, 4, 5)]
}
