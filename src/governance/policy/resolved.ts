import type { Redaction } from '../redaction/contract.js'
import { policyDigest } from './digest.js'
import { type AuditPolicy, BUILT_IN_POLICY } from './policy.js'

/** A policy that was found to be sound, with what it needs. */
export interface ResolvedPolicy {
  readonly policy: AuditPolicy
  /** SHA-256 of the policy as RFC 8785 writes it. */
  readonly digest: string
  readonly redaction: Redaction
}

/** Digest of the built-in policy. */
export const BUILT_IN_DIGEST: string = policyDigest(BUILT_IN_POLICY)
