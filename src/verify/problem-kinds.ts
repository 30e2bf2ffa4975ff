/** The kinds of problems in the records of a log: its entries, its tree, its head and its indexes. */
export type RecordDamageKind =
  | 'database_unreadable'
  | 'directory_altered'
  | 'removal_unrecorded'
  | 'head_altered'
  | 'entry_missing'
  | 'entry_unexpected'
  | 'entry_unreadable'
  | 'tile_altered'
  | 'posting_missing'
  | 'posting_stray'
  | 'index_unreadable'
  | 'time_block_altered'
  | 'caller_id_altered'
  | 'open_run_altered'
  | 'run_row_altered'
  | 'record_unknown'
  | ContentDamageKind

/** The kinds of problems in the content of a log, which lies beside its entries: these are what was recorded all the same. */
export type ContentDamageKind = 'content_missing' | 'content_damaged' | 'content_unexpected'

/**
 * The kind of a problem: one of a set of stable names.
 *
 * | kinds | status |
 * |---|---|
 * | of the content: `entry_altered`, `entry_missing`, … | `altered` |
 * | of a checkpoint: `checkpoint_altered`, `root_mismatch` | `altered` |
 * | of the extent: `truncated`, `rolled_back` | `truncated` |
 * | `checkpoint_missing` | `truncated` where there was one, else `unknown_key` |
 * | of the keys: `key_unknown`, `key_change_unproven` | `unknown_key` |
 * | of the record: `events_dropped` | `incomplete` |
 * | of content items: `content_missing`, `content_damaged`, `content_unexpected` | `incomplete` |
 * | with `strict`: `key_not_given`, `anchor_missing`, `uncovered`, `recovered_unattested` | `unproven` |
 * | of a ledger: `sibling_missing`, `sibling_rolled_back`, `sibling_altered`, `log_misplaced` | `altered` |
 * | of a ledger's keys: `join_missing`, `join_unproven`, `sibling_note_unproven` | `unknown_key` |
 */
export type VerifyProblemKind =
  | RecordDamageKind
  | 'entry_altered'
  | 'checkpoint_altered'
  | 'root_mismatch'
  | 'truncated'
  | 'rolled_back'
  | 'checkpoint_missing'
  | 'key_unknown'
  | 'key_change_unproven'
  | 'events_dropped'
  | 'key_not_given'
  | 'anchor_missing'
  | 'uncovered'
  | 'recovered_unattested'
  | 'sibling_missing'
  | 'sibling_rolled_back'
  | 'sibling_altered'
  | 'log_misplaced'
  | 'join_missing'
  | 'join_unproven'
  | 'sibling_note_unproven'
