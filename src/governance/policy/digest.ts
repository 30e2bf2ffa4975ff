import { canonicalJson } from '../../content/canonical.js'
import { sha256 } from '../../tree/index.js'
import type { AuditPolicy } from './policy.js'

/** Returns the digest of a policy. The address of its schema, which is for editors, does not count. */
export function policyDigest({ $schema: _, ...policy }: AuditPolicy): string {
  const hash = sha256(Buffer.from(canonicalJson(policy)))
  return `sha256:${Buffer.from(hash, 'latin1').toString('hex')}`
}
