import type { Finding, FindingKind } from './findings.js'
import { STATUSES, type VerifyProblem, type VerifyStatus } from './report.js'

/** The further fields of a problem, see `VerifyProblem`. */
export type ProblemParts = Partial<Pick<VerifyProblem, 'count' | 'entries' | 'log'>>

/** Gathers problems, and says what they make of the log. */
export class Problems {
  readonly #all: VerifyProblem[] = []

  add(
    status: VerifyProblem['status'],
    kind: string,
    message: string,
    { count = 1, entries = [], log }: ProblemParts = {},
  ): void {
    this.#all.push({ kind, status, message, count, entries, ...(log !== undefined && { log }) })
  }

  /** The gravest first. */
  get all(): readonly VerifyProblem[] {
    return this.#all.toSorted((one, other) => STATUSES.indexOf(one.status) - STATUSES.indexOf(other.status))
  }

  get status(): VerifyStatus {
    return this.all[0]?.status ?? 'verified'
  }

  /** @param provenSize - entries up to here are what was signed, so that a leaf hash that differs from one was altered itself */
  addFindings(findings: readonly Finding[], provenSize: number): void {
    for (const finding of findings) {
      if (finding.kind === 'leaf_mismatch') this.#addMismatch(finding, provenSize)
      else this.#addFinding(finding, finding.kind, NAMES[finding.kind])
    }
  }

  #addMismatch(finding: Finding, provenSize: number): void {
    const isTile = finding.spans.every(({ to }) => to <= provenSize)
    if (isTile) this.#addFinding(finding, 'tile_altered', 'leaf hashes that are kept in tiles were altered')
    else
      this.#addFinding(
        finding,
        'entry_altered',
        'entries differ from the leaf hashes that were made when they were recorded',
      )
  }

  #addFinding({ count, spans, details }: Finding, kind: string, what: string): void {
    this.add('altered', kind, `${what}: ${details[0]}${count > 1 ? `, and ${count - 1} more` : ''}`, {
      count,
      entries: spans,
    })
  }
}

const NAMES: Readonly<Record<Exclude<FindingKind, 'leaf_mismatch'>, string>> = {
  database_unreadable: 'the database cannot be read',
  directory_altered: 'the directory of blocks is not that of the entries',
  removal_unrecorded: 'entries are removed, and no entry records it',
  head_altered: 'the head is not that of the log',
  entry_missing: 'entries are missing',
  entry_unexpected: 'there are entries that do not belong to the log',
  entry_unreadable: 'entries are no events',
  tile_altered: 'the tree is not that of the entries',
  posting_missing: 'an index leaves out entries',
  posting_stray: 'an index leads to entries that do not belong there',
  index_unreadable: 'an index is damaged',
  time_block_altered: 'the index of times is not that of the entries',
  caller_id_altered: "the index of callers' ids is not that of the entries",
  open_run_altered: 'the list of open runs is not that of the entries',
  run_row_altered: 'the list of runs is not that of the entries',
  record_unknown: 'there is what no log has',
}
