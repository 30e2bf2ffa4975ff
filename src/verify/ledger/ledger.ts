import type { LogSource } from '../source.js'
import type { TakenFromLog } from '../trust-policy.js'
import type { LogTree } from './compare-siblings.js'

/** One of the logs of a ledger, which is there. */
export interface LedgerLog {
  readonly number: number
  /** Opens it to be verified. */
  open(): Promise<LogSource>
  /** Opens its tree as it is now; `undefined` where it is damaged, which the report of the log says by then. */
  openTree(): Promise<OpenLogTree | undefined>
}

/** The tree of a log, to be closed. */
export interface OpenLogTree extends LogTree {
  close(): Promise<void>
}

/** A ledger that is to be verified. */
export interface LedgerToVerify {
  /** Its name in messages. */
  readonly location: string
  /** The logs that are there, by number. */
  readonly logs: readonly LedgerLog[]
  /** The parts of the options that the user took from the ledger itself. */
  readonly taken: TakenFromLog
}
