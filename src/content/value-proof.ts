import { AuditLogError } from '../events/errors.js'
import { fieldsOf } from '../events/recorded-fields.js'
import { textOf } from '../events/text.js'
import type { ContentItem } from '../events/types.js'
import type { ContentValueBytes, SubjectKey } from './contract.js'
import { digestOf } from './subject-key.js'

/** Proves that a value is the one whose digest an entry holds, to somebody without a key. It says nothing of any other value. */
export interface ContentProof {
  readonly field: string
  /** As the entry has it. */
  readonly digest: string
  /** s = HMAC-SHA-256(the subject's digest key, value), in hexadecimal. */
  readonly secret: string
  /** The value: JSON as RFC 8785 writes it, or any other text. */
  readonly value: string
}

/** Proves a value of content. */
export function contentProof(
  { field, digest }: ContentItem,
  key: SubjectKey,
  { bytes }: ContentValueBytes,
): ContentProof {
  const secret = Buffer.from(key.secretOf(bytes)).toString('hex')
  return { field, digest, secret, value: Buffer.from(bytes).toString('utf8') }
}

/**
 * Verifies that a value is the one whose digest an entry holds.
 *
 * @param entry - the bytes of the entry, whose place in the log a receipt proves: the proof must be of one of its fields. Without it, compare
 * field and digest with `content.items` of the entry yourself: anybody can make a proof that is of no entry
 * @throws AuditLogError `AUDIT_PROOF_INVALID` when it is malformed, or proves something else
 *
 * @example
 * ```ts
 * verifyReceipt(receipt, hashLeaf(entry), trust)
 * verifyContentProof(proof, entry)
 * ```
 */
export function verifyContentProof(proof: ContentProof, entry?: Uint8Array): void {
  // Attacker-controlled: a proof of any contents; each field is checked.
  const { field, digest, secret, value } = fieldsOf(proof)
  const isSound = typeof digest === 'string' && typeof value === 'string' && /^[\da-f]{64}$/.test(String(secret))
  if (!isSound || digestOf(Buffer.from(String(secret), 'hex'), Buffer.from(value, 'utf8')) !== digest) {
    throw invalid('The value is not the one that the digest is of, or the proof is malformed')
  }
  if (entry && !states(entry, field, digest))
    throw invalid('The entry has no such digest in this field: the proof is of another one')
}

/** Tells whether an entry says that a field had a value with this digest. */
function states(entry: Uint8Array, field: unknown, digest: string): boolean {
  // Attacker-controlled: an entry of any contents; two texts of it are compared.
  try {
    const { items } = fieldsOf(fieldsOf(JSON.parse(textOf(entry))).content)
    return Array.isArray(items) && items.some((item) => item?.field === field && item?.digest === digest)
  } catch {
    return false
  }
}

function invalid(message: string): AuditLogError {
  return new AuditLogError('AUDIT_PROOF_INVALID', message)
}
