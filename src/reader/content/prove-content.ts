import { type ContentProof, contentProof } from '../../content/value-proof.js'
import { AuditLogError } from '../../events/errors.js'
import type { OpenedItem } from './resolver.js'

/** @throws AuditLogError `AUDIT_CONTENT_UNREADABLE` */
export function proofOf(opened: OpenedItem | undefined, field: string): ContentProof {
  if (opened) return contentProof(opened.item, opened.key, opened.value)
  const message = `There is no content of ${JSON.stringify(String(field).slice(0, 100))} that can be read here: content(event) says why`
  throw new AuditLogError('AUDIT_CONTENT_UNREADABLE', message)
}
