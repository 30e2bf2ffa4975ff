import { importBaseline } from '../baseline.mjs'
import { sideOf } from './audit-log.mjs'

/** The side `spanledger`, of the version that is compared with. */
export async function open(directory) {
  const { openAuditLog } = await importBaseline('index.js')
  return sideOf(await openAuditLog(directory))
}
