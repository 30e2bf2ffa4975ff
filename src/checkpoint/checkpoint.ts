import { AuditLogError } from '../events/errors.js'
import { rejectUnknownOptions, wholeNumberOption } from '../events/options.js'
import { readCosignature } from './cosignature.js'
import { decodeBase64, encodeBase64, HASH_BYTES, MAX_UINT64, parseDecimal } from './encoding.js'
import { hexKeyId, parseVkey, SIGNATURE_TYPES } from './key.js'
import { isNoteText, type NoteSignature, openNote } from './note.js'
import { type Verifier, verifierFromVkey, verifierOf } from './verifier.js'

/** The head of a log's tree, as a checkpoint states it (C2SP tlog-checkpoint). */
export interface Checkpoint {
  /** The name of the log: by recommendation a URL without its scheme. */
  readonly origin: string
  /** Number of entries. */
  readonly size: bigint
  /** Root hash of the tree over them (RFC 6962), 32 bytes. */
  readonly root: Uint8Array
  /** Further lines, which mean nothing to others. */
  readonly extensions: readonly string[]
}

/** The signatures that a checkpoint must have to be trusted. */
export interface CheckpointTrust {
  /** The log's origin. */
  readonly origin: string
  /** Keys of the log, as verifiers or in vkey form: at least one must have signed. */
  readonly logKeys: readonly (Verifier | string)[]
  /**
   * Keys of witnesses, as verifiers or in vkey form with type 0x04. Where one of them signed, it must have signed right.
   *
   * @defaultValue `[]`
   */
  readonly witnessKeys?: readonly (Verifier | string)[]
  /**
   * The number of witnesses that must have cosigned: at most as many as there are keys.
   *
   * @defaultValue `0`
   */
  readonly witnessQuorum?: number
}

/** The statement of a witness that the checkpoint was of the largest tree of the log that it had seen at that time. */
export interface Cosignature {
  readonly name: string
  readonly keyId: number
  /** The time by the witness's clock: seconds since 1970. */
  readonly timestampSeconds: bigint
}

/** A checkpoint that trusted keys signed. */
export interface OpenedCheckpoint extends Checkpoint {
  /** The trusted keys of the log that signed it. */
  readonly signatures: readonly NoteSignature[]
  /** The cosignatures of trusted witnesses. */
  readonly cosignatures: readonly Cosignature[]
}

/**
 * Returns the text of a checkpoint, which is the text that is signed.
 *
 * @throws TypeError when a field is not what a checkpoint may have
 */
export function formatCheckpoint({ origin, size, root, extensions }: Checkpoint): string {
  if (typeof size !== 'bigint' || size < 0n || size > MAX_UINT64) {
    throw new TypeError('the size of a checkpoint must be a BigInt of 64 bits')
  }
  if (root.length !== HASH_BYTES) throw new TypeError(`the root of a checkpoint must have ${HASH_BYTES} bytes`)
  for (const line of [origin, ...extensions]) {
    if (line !== '' && isNoteText(`${line}\n`) && !line.includes('\n')) continue
    throw new TypeError('origin and extensions of a checkpoint must be lines without control characters, none empty')
  }
  return `${[origin, size, encodeBase64(root), ...extensions].join('\n')}\n`
}

/**
 * Parses the text of a checkpoint, which is the text of a note. Trust it only when that note was opened.
 *
 * Attacker-controlled: the text of any note, as long as that may be; its size is any number of 64 bits, its root 32 bytes.
 *
 * @throws AuditLogError `AUDIT_NOTE_INVALID`
 */
export function parseCheckpoint(text: string): Checkpoint {
  const lines = text.split('\n').slice(0, -1)
  if (!isNoteText(text) || lines.includes('') || lines.length < 3) {
    refuse('it must be three lines or more, none of them empty, without control characters')
  }
  const [origin, decimal, base64, ...extensions] = lines as [string, string, string, ...string[]]
  const size = parseDecimal(decimal)
  if (size === undefined) refuse('its size must be a decimal number of 64 bits without leading zeroes')
  const root = decodeBase64(base64)
  if (root?.length !== HASH_BYTES) refuse(`its root must be ${HASH_BYTES} bytes in base64`)
  return { origin, size, root, extensions }
}

/**
 * Opens the checkpoint of a log: verifies its signatures and those of the witnesses that are trusted.
 *
 * @throws AuditLogError `AUDIT_NOTE_INVALID`; `AUDIT_SIGNATURE_INVALID` when the signature of a trusted key is wrong;
 * `AUDIT_KEY_UNKNOWN` when no trusted key of the log, or too few witnesses, signed; `AUDIT_ORIGIN_MISMATCH` when it is
 * the checkpoint of another log; `AUDIT_KEY_INVALID` when a vkey is malformed
 */
export function openCheckpoint(message: string | Uint8Array, trust: CheckpointTrust): OpenedCheckpoint {
  const { logKeys, witnessKeys, witnessQuorum } = resolveTrust(trust)
  const note = openNote(message, [...logKeys, ...witnessKeys])
  const signatures = note.signatures.filter((signature) => isBy(signature, logKeys))
  const cosignatures = note.signatures.filter((signature) => isBy(signature, witnessKeys)).map(cosignatureOf)
  const checkpoint = parseCheckpoint(note.text)
  if (checkpoint.origin !== trust.origin) {
    throw new AuditLogError(
      'AUDIT_ORIGIN_MISMATCH',
      `the checkpoint is of the log '${checkpoint.origin}', not of '${trust.origin}'`,
    )
  }
  if (signatures.length === 0) {
    throw new AuditLogError('AUDIT_KEY_UNKNOWN', 'no known key of the log signed the checkpoint, only witnesses did')
  }
  if (cosignatures.length < witnessQuorum) {
    throw new AuditLogError(
      'AUDIT_KEY_UNKNOWN',
      `${cosignatures.length} of the known witnesses cosigned the checkpoint, but ${witnessQuorum} must have`,
    )
  }
  return { ...checkpoint, signatures, cosignatures }
}

function resolveTrust(trust: CheckpointTrust) {
  const of = 'CheckpointTrust'
  rejectUnknownOptions(of, trust, ['origin', 'logKeys', 'witnessKeys', 'witnessQuorum'])
  const { origin, logKeys, witnessKeys = [] } = trust
  if (typeof origin !== 'string') throw new TypeError(`${of}: origin must be a string`)
  if ([logKeys, witnessKeys].some((keys) => !Array.isArray(keys))) {
    throw new TypeError(`${of}: logKeys and witnessKeys must be arrays of keys`)
  }
  const bounds = { fallback: 0, min: 0, max: witnessKeys.length }
  return {
    logKeys: logKeys.map((key) => (typeof key === 'string' ? verifierFromVkey(key) : key)),
    witnessKeys: witnessKeys.map((key) => (typeof key === 'string' ? witnessFromVkey(key) : key)),
    witnessQuorum: wholeNumberOption(of, 'witnessQuorum', trust.witnessQuorum, bounds),
  }
}

function isBy({ name, keyId }: NoteSignature, keys: readonly Verifier[]): boolean {
  return keys.some((key) => key.name === name && key.keyId === keyId)
}

function witnessFromVkey(vkey: string): Verifier {
  const key = parseVkey(vkey)
  if (key.type === SIGNATURE_TYPES.cosignature) return verifierOf(key)
  throw new AuditLogError('AUDIT_KEY_INVALID', `${key.name} is no witness: its vkey must have signature type 4`)
}

function cosignatureOf({ name, keyId, signature }: NoteSignature): Cosignature {
  const cosignature = readCosignature(signature)
  if (cosignature !== undefined) return { name, keyId, timestampSeconds: cosignature.timestampSeconds }
  throw new AuditLogError('AUDIT_SIGNATURE_INVALID', `the cosignature of ${name}+${hexKeyId(keyId)} has no timestamp`)
}

function refuse(reason: string): never {
  throw new AuditLogError('AUDIT_NOTE_INVALID', `the checkpoint is malformed: ${reason}`)
}
