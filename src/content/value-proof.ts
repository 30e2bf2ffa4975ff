import { AuditLogError } from '../events/errors.js'
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
 * Verifies that a value is the one whose digest an entry holds. That the entry is in a log is proved by its receipt: compare the digest with
 * that in the entry, under `content.items`.
 *
 * @throws AuditLogError `AUDIT_PROOF_INVALID` when it is malformed, or proves something else
 *
 * @example
 * ```ts
 * const { content } = JSON.parse(entry)
 * verifyContentProof(proof)
 * if (!content.items.some(({ digest }) => digest === proof.digest)) throw new Error('it is not of this entry')
 * ```
 */
export function verifyContentProof(proof: ContentProof): void {
  // Attacker-controlled: a proof of any contents; each field is checked.
  const { digest, secret, value } = proof ?? {}
  const isSound = typeof digest === 'string' && typeof value === 'string' && /^[\da-f]{64}$/.test(String(secret))
  if (isSound && digestOf(Buffer.from(secret, 'hex'), Buffer.from(value, 'utf8')) === digest) return
  throw new AuditLogError(
    'AUDIT_PROOF_INVALID',
    'The value is not the one that the digest is of, or the proof is malformed',
  )
}
