import type { YoungSpan } from './age.js'
import type { Finding } from './findings.js'
import type { StatementTallies, ToldStatement } from './statements.js'

/** A checkpoint that is kept with a log. */
export interface KeptCheckpoint {
  /** Where, in words. */
  readonly source: string
  /** A signed note; it has not been looked at. */
  readonly note: string
}

/** How far the verifying has come. */
export interface VerifyProgress {
  /** Entries hashed. */
  readonly entries: number
  /** Of so many; what follows them takes less time. */
  readonly size: number
}

export interface InspectionRequest {
  /** Sizes at which the root is wanted, ascending. */
  readonly sizes: readonly number[]
  /** Names of the log; `undefined` where they are not known. See `Statements`. */
  readonly origins: readonly string[] | undefined
  /** The time span of entries so new that no checkpoint needs to cover them yet; `undefined` when nobody asks. */
  readonly young: YoungSpan | undefined
  readonly threads: number | undefined
  /** Leaves out what is derived from the entries. See `VerifyOptions`. */
  readonly entriesOnly: boolean
  readonly onProgress: (progress: VerifyProgress) => void
  /** Receives each statement of the log itself that says more than can be counted, in the order of their positions. */
  readonly onStatement: (statement: ToldStatement) => void
  readonly signal: AbortSignal | undefined
}

/** What the content of a log is. */
export interface Inspection {
  /** Number of entries that are there. */
  readonly size: number
  /** Root at a size, from the bytes of the entries; `undefined` past the end, and where an entry before it is missing. */
  rootAt(size: number): Uint8Array | undefined
  readonly statements: StatementTallies
  /** Position behind the last entry that is not young; 0 where there is none, or nobody asked. */
  readonly settledSize: number
  /** Number of entries that were removed: of these the tree keeps the leaf hashes. */
  readonly removed: number
  /** Sentences about what is no problem. */
  readonly notes: readonly string[]
  readonly findings: readonly Finding[]
}

/** A log, or a copy of one, to be verified: looked at, and never changed. */
export interface LogSource {
  /** What messages call it. */
  readonly location: string
  /** Checkpoints that were found with the log. */
  readonly checkpoints: readonly KeptCheckpoint[]
  /** Name of the log where nobody has named it; `undefined` where that is not known. */
  readonly defaultOrigin: string | undefined
  /** The key that lies beside the log: whoever can alter the log can replace it. */
  readonly vkey: string | undefined
  /** The time at which the source was opened: milliseconds since the Unix epoch. */
  readonly openedAt: number
  /** How many entries there were at least, by what is kept beside the log and not signed. */
  readonly statedSize: number | undefined
  /** A checkpoint that should lie beside the log, and does not. */
  readonly missingCheckpoint: string | undefined
  /** Goes through all of it. */
  inspect(request: InspectionRequest): Promise<Inspection>
  /** Closes what was opened, and removes temporary files. */
  close(): Promise<void>
}
