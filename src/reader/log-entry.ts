/** The log of an event, in a ledger of several. */
export interface InLedger {
  /** Number of the log in which `seq` is its position; absent where there is one log. */
  readonly log?: number
}

/** An event as it is stored: what its leaf hash is of. */
export interface LogEntry extends InLedger {
  readonly seq: number
  /** UTF-8 JSON in one line, without `seq`. */
  readonly bytes: Uint8Array
}
