import { openAuditLog } from '../../dist/index.js'
import { sideOf } from './audit-log.mjs'

/** Without the journal, so with no more than a peer promises: durable when it says so, and nothing before. */
export async function open(directory) {
  return sideOf(await openAuditLog(directory, { durability: 'flush-only' }))
}
