import type { VerifyProblemKind } from './problem-kinds.js'

/** A range of positions, `from` inclusive, `to` exclusive. */
export interface SeqSpan {
  readonly from: number
  readonly to: number
}

/**
 * The verdict of a verification. When several apply, the first of these:
 *
 * | status | meaning |
 * |---|---|
 * | `altered` | entries, or what is derived from them, are not what was recorded, or contradict each other |
 * | `truncated` | the log ends before it should, or was rolled back |
 * | `unknown_key` | no key that is trusted vouches for it |
 * | `incomplete` | the entries are what was recorded, but the log says itself that events could not be recorded, or content that entries say is kept is missing or damaged |
 * | `unproven` | nothing is wrong, but the proof rests on less than `strict` asks for |
 * | `verified` | none of these |
 */
export type VerifyStatus = 'altered' | 'truncated' | 'unknown_key' | 'incomplete' | 'unproven' | 'verified'

/** Statuses, the gravest first. */
export const STATUSES: readonly VerifyStatus[] = [
  'altered',
  'truncated',
  'unknown_key',
  'incomplete',
  'unproven',
  'verified',
]

/** A problem that a verification found, and the entries that it concerns. */
export interface VerifyProblem {
  /** The kind of the problem: a stable name. */
  readonly kind: VerifyProblemKind
  /** The status that it gives the log. */
  readonly status: Exclude<VerifyStatus, 'verified'>
  /** The problem in a sentence. */
  readonly message: string
  /** The number of times that it was found. */
  readonly count: number
  /** The entries concerned, where they are known: the first hundred stretches; entry 4 alone is `{ from: 4, to: 5 }`. */
  readonly entries: readonly SeqSpan[]
  /** The number of the log concerned, and of its `entries`; only in the problems of a ledger. */
  readonly log?: number
}

/** A checkpoint that was compared with the entries. */
export interface ReportedCheckpoint {
  /** The place where it was found, in words. */
  readonly source: string
  /** Number of entries that it covers. */
  readonly size: number
  /** Name and id of the trusted key that signed it; `undefined` when none did. */
  readonly signedBy: string | undefined
  /** The entries have the root that it states. */
  readonly holds: boolean
}

/** The keys, checkpoints and witnesses that a verdict rests on. */
export interface VerifyBasis {
  /**
   * `given`: whoever verifies named the trusted keys. `log`: the key came with the log, so that whoever could alter the
   * log could have replaced the key. `none`: no key is known.
   */
  readonly keys: 'given' | 'log' | 'none'
  /** Number of checkpoints kept elsewhere that a trusted key signed and the entries bear out. */
  readonly checkpointsElsewhere: number
  /** Names and ids of the trusted witnesses that cosigned a checkpoint which a trusted key signed and the entries bear out. */
  readonly witnesses: readonly string[]
  /**
   * Number of entries that an anchor covers: such a checkpoint that was kept elsewhere or witnessed. Of a ledger that is
   * verified strictly, a state of the log that an entry of another log records counts as well, where such a checkpoint
   * covers that entry.
   */
  readonly anchoredSize: number
}

/**
 * The content items that entries say are kept, counted by what became of them; and those that no entry knows of. An item that
 * cannot be opened for lack of its key is `unchecked`: that says nothing against it.
 */
export interface ContentTally {
  /** Items whose values have the digests that their entries hold. */
  readonly checked: number
  /** Items that are there, in their form and size, and for which there is no key here. */
  readonly unchecked: number
  /** Items that are not there (`content_missing`). */
  readonly missing: number
  /** Items that are not what was recorded, or cannot be read (`content_damaged`). */
  readonly damaged: number
  /** Items whose key was destroyed. */
  readonly erased: number
  /** Items that no entry says are kept (`content_unexpected`); they count in none of the others. */
  readonly unexpected: number
}

/** The report on the verification of one log. Plain JSON. */
export interface VerifyReport {
  /** The verdict. */
  readonly status: VerifyStatus
  /** The place of the log or the copy. */
  readonly location: string
  /** Number of entries that are there. */
  readonly size: number
  /** Root hash over them, computed from their bytes, in base64; `undefined` when one of them is missing. */
  readonly root: string | undefined
  /**
   * Number of entries that a checkpoint covers which a trusted key signed and the entries bear out. Later entries are not
   * proved yet.
   */
  readonly provenSize: number
  /** The grounds of the verdict besides the log itself. */
  readonly basis: VerifyBasis
  /** The keys that were trusted at the outset (vkeys). */
  readonly trustedKeys: readonly string[]
  /** The checkpoints that were found with it or given, as far as they are of this log. */
  readonly checkpoints: readonly ReportedCheckpoint[]
  /** Events that could not be recorded, by the log's own account. */
  readonly droppedEvents: number
  /** Events that were taken over from the journal after a crash, by the log's own account. */
  readonly recoveredEvents: number
  /** The number of these events that nothing outside the log's directory attests. */
  readonly unattestedEvents: number
  /** Entries that look like a statement of the log about itself, and are not its own: they count as any other event. */
  readonly foreignStatements: number
  /** Entries that were removed since. Their leaf hashes are kept, so that the root is that of all entries. */
  readonly removedEntries: number
  /** The content of the log. Left out where it was not looked at: of copies and stores, and with `entriesOnly`. */
  readonly content?: ContentTally
  /** True when what is derived from the entries was left out, see `VerifyOptions.entriesOnly`. */
  readonly entriesOnly: boolean
  /** Sentences about what is no problem: that the index was not compared, say, since readers derive another. */
  readonly remarks: readonly string[]
  /** The gravest first. */
  readonly problems: readonly VerifyProblem[]
}

/** The report on one log of a ledger. */
export interface LedgerLogReport extends VerifyReport {
  /** The number of the log in its ledger. */
  readonly log: number
}

/**
 * The report on a ledger with several logs. Plain JSON. It has no `size`, `root` or `problems` of one log: these are
 * in `logs`.
 */
export interface LedgerReport {
  /** The verdict: the gravest of those of the logs and of the problems of the ledger. */
  readonly status: VerifyStatus
  /** Directory of the ledger. */
  readonly location: string
  /** One report for each log that is there, by number. */
  readonly logs: readonly LedgerLogReport[]
  /**
   * Problems of no single log: logs that are missing, that were rolled back or altered by what others recorded of them, or
   * that belong elsewhere.
   */
  readonly problems: readonly VerifyProblem[]
}
