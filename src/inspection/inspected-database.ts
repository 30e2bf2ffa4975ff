import type { Database } from '../store/leveldb/load-level.js'
import type { Findings } from '../verify/findings.js'

/** A database that is inspected, and where damage to it is reported. */
export interface InspectedDatabase {
  readonly db: Database
  readonly findings: Findings
  /** The log in messages. */
  readonly location: string
}
