import type { Finding } from './findings.js'
import type { GracePeriod } from './grace-period.js'
import type { ContentTally } from './report.js'
import type { StatementEntry, StatementTallies } from './statements.js'

/** A checkpoint that was found with a log, or given by the caller. */
export interface FoundCheckpoint {
  /** The place where it was found, in words. */
  readonly source: string
  /** A signed note, of which nothing has been verified. */
  readonly note: string
}

/** A checkpoint, and the worth of the place where it was found. */
export interface UnverifiedCheckpoint extends FoundCheckpoint {
  /** True when it was kept where whoever can alter the log cannot alter it. */
  readonly isElsewhere: boolean
}

/** The progress of a verification. */
export interface VerifyProgress {
  /** The number of entries that were hashed. */
  readonly entries: number
  /** The number of entries to hash; what follows them takes less time. */
  readonly size: number
}

/** The questions of one inspection, and where it reports to. */
export interface InspectionRequest {
  /** Sizes at which the root is wanted, ascending. */
  readonly sizes: readonly number[]
  /** Names of the log; `undefined` where they are not known. See `Statements`. */
  readonly origins: readonly string[] | undefined
  /** The times of entries so new that no checkpoint needs to cover them yet; `undefined` where the age does not matter. */
  readonly gracePeriod: GracePeriod | undefined
  readonly threads: number | undefined
  /** Leaves out what is derived from the entries. See `VerifyOptions`. */
  readonly entriesOnly: boolean
  readonly onProgress: (progress: VerifyProgress) => void
  /** Receives each statement of the log itself whose data is needed, in the order of their positions. */
  readonly onStatement: (statement: StatementEntry) => void
  readonly signal: AbortSignal | undefined
}

/** The content of a log, as an inspection found it. */
export interface Inspection {
  /** Number of entries that are there. */
  readonly size: number
  /** Root at a size, from the bytes of the entries; `undefined` past the end, and where an entry before it is missing. */
  rootAt(size: number): Uint8Array | undefined
  readonly statements: StatementTallies
  /**
   * The number of entries up to the last one that is older than the grace period: a checkpoint should cover them. 0 where
   * there is none, or no grace period was given.
   */
  readonly dueSize: number
  /** Number of entries that were removed: of these the tree keeps the leaf hashes. */
  readonly removed: number
  /** Sentences about what is no problem. */
  readonly remarks: readonly string[]
  readonly findings: readonly Finding[]
  /** Left out where content was not looked at. */
  readonly content?: ContentTally
}

/** A log, or a copy of one, to verify. Verifying only reads it. */
export interface LogSource {
  /** Its name in messages. */
  readonly location: string
  /** Checkpoints that were found with the log. */
  readonly checkpoints: readonly FoundCheckpoint[]
  /** Name of the log where nobody has named it; `undefined` where that is not known. */
  readonly defaultOrigin: string | undefined
  /** The key that lies beside the log: whoever can alter the log can replace it. */
  readonly vkey: string | undefined
  /** The time at which the source was opened: milliseconds since the Unix epoch. */
  readonly openedAt: number
  /** The number of entries that there were at least, by what is kept beside the log and not signed. */
  readonly statedSize: number | undefined
  /** A checkpoint that should lie beside the log, and does not. */
  readonly missingCheckpoint: string | undefined
  /** Compares the records of the log with its entries. */
  inspect(request: InspectionRequest): Promise<Inspection>
  /** Closes what was opened, and removes temporary files. */
  close(): Promise<void>
}
