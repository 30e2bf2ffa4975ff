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
}
