import { openNote, type Signer, signNote, type Verifier, verifierFromVkey } from '../../checkpoint/index.js'
import { AuditLogError } from '../../events/errors.js'
import type { StartTimer } from '../../timers/real-timers.js'
import { within } from './time-limit.js'

/**
 * A text as a note that a signer signed. What others would refuse is none.
 *
 * @throws AuditLogError `AUDIT_SIGNING_FAILED` when it fails, takes longer or signs wrong
 */
export async function signInTime(
  text: string,
  signer: Signer,
  millis: number,
  startTimer?: StartTimer,
): Promise<string> {
  const late = () =>
    new AuditLogError('AUDIT_SIGNING_FAILED', `the signer of ${signer.name} did not answer within ${millis} ms`)
  const note = await within(millis, signNote(text, [signer]), late, startTimer).catch((problem) => {
    if (problem instanceof AuditLogError) throw problem
    throw new AuditLogError('AUDIT_SIGNING_FAILED', `the signer of ${signer.name} gave no signature`, {
      cause: problem,
    })
  })
  if (signatureFits(note, signer)) return note
  throw new AuditLogError('AUDIT_SIGNING_FAILED', `the signature made by ${signer.name} does not fit its vkey`)
}

/** Tells whether a note, which has a signature of a key that is at hand, has a right one. */
export function signatureFits(note: string, { vkey }: Signer): boolean {
  const verifier = verifierOf(vkey)
  if (!verifier) return true
  try {
    openNote(note, [verifier])
    return true
  } catch {
    return false
  }
}

/** @returns `undefined` for a kind of key that only its signer knows */
function verifierOf(vkey: string): Verifier | undefined {
  try {
    return verifierFromVkey(vkey)
  } catch {
    return undefined
  }
}
