import { createHash } from 'node:crypto'
import { canonicalJson } from '../../content/canonical.js'
import type { AuditPolicy } from './policy.js'

/** Returns the digest of a policy. The address of its schema, which is for editors, does not count. */
export function policyDigest({ $schema: _, ...policy }: AuditPolicy): string {
  return `sha256:${createHash('sha256').update(canonicalJson(policy)).digest('hex')}`
}
