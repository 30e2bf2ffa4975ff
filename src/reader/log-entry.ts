import type { ResolvedContent } from '../content/contract.js'

/** The log of an event, in a ledger of several. */
export interface InLedger {
  /** Number of the log in which `seq` is its position; absent where there is one log. */
  readonly log?: number
}

/** An event as stored bytes, over which the leaf hash is computed. */
export interface LogEntry extends InLedger {
  readonly seq: number
  /** UTF-8 JSON in one line, without `seq`. */
  readonly bytes: Uint8Array
  /** The content of the event, where the query asks for it: it is no part of the bytes, nor of what proves them. */
  readonly content?: readonly ResolvedContent[]
}
