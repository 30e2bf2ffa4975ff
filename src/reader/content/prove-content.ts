import type { ResolvedContent } from '../../content/contract.js'
import { type ContentProof, contentProof } from '../../content/value-proof.js'
import { AuditLogError } from '../../events/errors.js'
import { type LookedAtItem, type OpenedItem, resolvedItem } from './opened-item.js'

/** A content item of an entry with the proof of its value. */
export interface ProvedContent extends ResolvedContent {
  /** Proves the value to somebody without a key: see `verifyContentProof` of `spanledger/verify`. There where `status` is `readable`. */
  readonly proof?: ContentProof
}

/** Returns an item with its proof, where it can be read. */
export function provedItem(item: LookedAtItem): ProvedContent {
  const { opened } = item
  return { ...resolvedItem(item), ...(opened && { proof: contentProof(opened.item, opened.key, opened.value) }) }
}

/** @throws AuditLogError `AUDIT_CONTENT_UNREADABLE` */
export function proofOf(opened: OpenedItem | undefined, field: string): ContentProof {
  if (opened) return contentProof(opened.item, opened.key, opened.value)
  const message = `There is no content of ${JSON.stringify(String(field).slice(0, 100))} that can be read here: content(event) says why`
  throw new AuditLogError('AUDIT_CONTENT_UNREADABLE', message)
}
