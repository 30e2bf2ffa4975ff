import { openAuditLog } from '../../dist/index.js'
import { sideOf } from './audit-log.mjs'

/** As a user has it: journal, indexes, tree, signed checkpoints. */
export async function open(directory) {
  return sideOf(await openAuditLog(directory))
}
