import { randomBytes } from 'node:crypto'
import { openAuditLog } from '../../dist/index.js'
import { sideOf } from './audit-log.mjs'

/** With a key that attests each record of the journal. */
export async function open(directory) {
  return sideOf(await openAuditLog(directory, { journalKey: randomBytes(32) }))
}
