import { openBaselineLog } from '../baseline.mjs'
import { sideOf } from './audit-log.mjs'

/** The side `spanledger`, of the version that is compared with. */
export async function open(directory) {
  return sideOf(await openBaselineLog(directory))
}
