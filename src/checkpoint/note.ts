import { AuditLogError } from '../events/errors.js'
import { decodeBase64, decodeText, encodeBase64, encodeText } from './encoding.js'
import { hexKeyId, isKeyName } from './key.js'
import type { Signer } from './signer.js'
import { type Verifier, verifierFromVkey } from './verifier.js'

/*
 * C2SP signed-note: text signed by one or more keys.
 *
 * ```
 * text, any lines ↵
 * ↵
 * — <key name> base64(key id, 4 bytes big-endian ‖ signature) ↵
 * — …
 * ```
 */

/** Most bytes a note may have: far more than its checkpoint and {@link MAX_NOTE_SIGNATURES} signatures need. */
export const MAX_NOTE_BYTES = 1_000_000
/** Most signatures a note may have. C2SP signed-note asks for at least 16. */
export const MAX_NOTE_SIGNATURES = 100

/** One signature line of a note. */
export interface NoteSignature {
  /** Name of the key. */
  readonly name: string
  /** The key's id: with the name it identifies the key and the kind of signature. */
  readonly keyId: number
  /** The bytes that the key made, without the key id. */
  readonly signature: Uint8Array
}

/** A parsed note; nothing in it has been verified. */
export interface Note {
  /** Ends in a newline. This is what is signed. */
  readonly text: string
  readonly signatures: readonly NoteSignature[]
}

/** A note that at least one known key signed; all signatures of known keys were verified. */
export interface OpenedNote extends Note {
  /** Verified signatures, one for each known key that signed. */
  readonly signatures: readonly NoteSignature[]
  /** Signatures of unknown keys, as the note has them: they say nothing. */
  readonly unverified: readonly NoteSignature[]
}

/** Returns whether a note has a signature line of this key. It verifies nothing. */
export function isSignedBy({ signatures }: Note, { name, keyId }: Pick<NoteSignature, 'name' | 'keyId'>): boolean {
  return signatures.some((signature) => signature.name === name && signature.keyId === keyId)
}

/**
 * Parses a note without verifying it; call `openNote` before you trust its text.
 *
 * Attacker-controlled: any text or bytes; MAX_NOTE_BYTES and MAX_NOTE_SIGNATURES bound them before they are split.
 *
 * @throws AuditLogError `AUDIT_NOTE_INVALID`
 */
export function parseNote(message: string | Uint8Array): Note {
  if (message.length > MAX_NOTE_BYTES) refuse(`it is longer than ${MAX_NOTE_BYTES} bytes`)
  const whole = decodeText(message)
  if (whole === undefined || !isNoteText(whole))
    refuse('it must be UTF-8 without control characters, and end in a newline')
  const blankLine = whole.lastIndexOf('\n\n')
  if (blankLine < 0) refuse('it has no blank line between text and signatures')
  const lines = whole
    .slice(blankLine + 2)
    .split('\n')
    .slice(0, -1)
  if (lines.length === 0) refuse('it has no signature')
  if (lines.length > MAX_NOTE_SIGNATURES) refuse(`it has more than ${MAX_NOTE_SIGNATURES} signatures`)
  return { text: whole.slice(0, blankLine + 1), signatures: lines.map(parseSignatureLine) }
}

/**
 * Opens a note: verifies every signature of a known key, and ignores those of unknown keys.
 *
 * @param known - verifiers, or keys in vkey form
 * @throws AuditLogError `AUDIT_NOTE_INVALID`; `AUDIT_SIGNATURE_INVALID` when a known key's signature is wrong;
 * `AUDIT_KEY_UNKNOWN` when no known key signed; `AUDIT_KEY_INVALID` when a vkey is malformed
 */
export function openNote(message: string | Uint8Array, known: readonly (Verifier | string)[]): OpenedNote {
  const verifiers = known.map((key) => (typeof key === 'string' ? verifierFromVkey(key) : key))
  const { text, signatures } = parseNote(message)
  const signed = encodeText(text)
  // Each key counts once, however often its line is repeated: whoever counts signatures counts keys.
  const verified = new Map<string, NoteSignature>()
  const unverified = new Map<string, NoteSignature>()
  for (const signature of signatures) {
    const key = `${signature.name}+${hexKeyId(signature.keyId)}`
    const own = verifiers.filter(({ name, keyId }) => name === signature.name && keyId === signature.keyId)
    if (own.length === 0) {
      unverified.set(`${key}+${encodeBase64(signature.signature)}`, signature)
    } else if (!own.every((verifier) => verifier.verify(signed, signature.signature) === true)) {
      throw new AuditLogError('AUDIT_SIGNATURE_INVALID', `the signature of ${key} does not fit the note's text`)
    } else if (!verified.has(key)) {
      verified.set(key, signature)
    }
  }
  if (verified.size === 0) {
    const [first] = signatures as [NoteSignature]
    throw new AuditLogError(
      'AUDIT_KEY_UNKNOWN',
      `no known key signed the note, but ${signatures.length} unknown, the first of them ${first.name}+${hexKeyId(first.keyId)}`,
    )
  }
  return { text, signatures: [...verified.values()], unverified: [...unverified.values()] }
}

/**
 * Returns the note as text.
 *
 * @throws TypeError when text or signatures are not what a note may have
 */
export function formatNote({ text, signatures }: Note): string {
  assertNoteText(text)
  if (signatures.length === 0) throw new TypeError('a note needs a signature')
  return `${text}\n${signatures.map(formatSignatureLine).join('')}`
}

/**
 * Signs a text with every signer, in this order.
 *
 * @param text - ends in a newline; no other control characters
 * @throws AuditLogError `AUDIT_SIGNING_FAILED` when a signer fails
 * @throws TypeError when the text is not what a note may have, or no signer is given
 */
export async function signNote(text: string, signers: readonly Signer[]): Promise<string> {
  assertNoteText(text)
  const signed = encodeText(text)
  const signatures = await Promise.all(signers.map((signer) => signatureOf(signer, signed)))
  return formatNote({ text, signatures })
}

async function signatureOf(signer: Signer, signed: Uint8Array): Promise<NoteSignature> {
  try {
    const { name, keyId } = signer
    return { name, keyId, signature: await signer.sign(signed) }
  } catch (error) {
    throw new AuditLogError('AUDIT_SIGNING_FAILED', `the signer of ${signer.name} failed`, { cause: error })
  }
}

const SIGNATURE_PREFIX = '\u2014 '
const KEY_ID_BYTES = 4

// Attacker-controlled: a line of a note; only the one base64 text of its bytes is accepted, with at least a key id.
function parseSignatureLine(line: string): NoteSignature {
  const space = line.indexOf(' ', SIGNATURE_PREFIX.length)
  const name = line.slice(SIGNATURE_PREFIX.length, space)
  const bytes = decodeBase64(line.slice(space + 1))
  const isWhole = line.startsWith(SIGNATURE_PREFIX) && space > 0 && isKeyName(name)
  if (!isWhole || bytes === undefined || bytes.length <= KEY_ID_BYTES) {
    refuse('a signature line must be an em dash, a key name and a signature in base64, with single spaces between them')
  }
  const keyId = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
  return { name, keyId, signature: bytes.subarray(KEY_ID_BYTES) }
}

function formatSignatureLine({ name, keyId, signature }: NoteSignature): string {
  if (!isKeyName(name)) throw new TypeError(`'${name}' cannot name a key: it must have no spaces and plus signs`)
  if (!(signature instanceof Uint8Array) || signature.length === 0) {
    throw new TypeError(`the signature of ${name} must be a Uint8Array that is not empty`)
  }
  const bytes = Buffer.alloc(KEY_ID_BYTES + signature.length)
  bytes.writeUInt32BE(keyId)
  bytes.set(signature, KEY_ID_BYTES)
  return `${SIGNATURE_PREFIX}${name} ${encodeBase64(bytes)}\n`
}

/** Ends in a newline, and has no other control character of ASCII. */
export function isNoteText(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  return text.endsWith('\n') && !/[\u0000-\u0009\u000b-\u001f]/.test(text)
}

function assertNoteText(text: string): void {
  if (text.isWellFormed() && isNoteText(text)) return
  throw new TypeError('the text of a note must end in a newline and have no other control characters')
}

function refuse(reason: string): never {
  throw new AuditLogError('AUDIT_NOTE_INVALID', `the note is malformed: ${reason}`)
}
