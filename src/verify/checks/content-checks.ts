import type { Finding, FindingKind } from '../findings.js'
import { problem } from '../problems.js'
import type { VerifyProblem } from '../report.js'
import { type Check, problemsIn } from './check.js'

/** One finding of the inspection, and the number of entries that are proved. */
export interface FindingInEvidence {
  readonly finding: Finding
  readonly provenSize: number
}

type Sentences = Readonly<Partial<Record<Exclude<FindingKind, 'leaf_mismatch'>, string>>>

/** The entries have the leaf hashes that were made when they were recorded, and are events. */
const entriesIntact: Check<FindingInEvidence> = {
  name: 'entriesIntact',
  check({ finding, provenSize }) {
    if (finding.kind === 'leaf_mismatch') {
      if (isTileAltered(finding, provenSize)) return []
      return [
        found(finding, 'entry_altered', 'entries differ from the leaf hashes that were made when they were recorded'),
      ]
    }
    return problemsOf(finding, {
      entry_missing: 'entries are missing',
      entry_unexpected: 'there are entries that do not belong to the log',
      entry_unreadable: 'entries are no events',
    })
  },
}

/** The tiles have the hashes of the entries. */
const treeIntact: Check<FindingInEvidence> = {
  name: 'treeIntact',
  check({ finding, provenSize }) {
    if (finding.kind === 'leaf_mismatch') {
      if (!isTileAltered(finding, provenSize)) return []
      return [found(finding, 'tile_altered', 'leaf hashes that are kept in tiles were altered')]
    }
    return problemsOf(finding, { tile_altered: 'the tree is not that of the entries' })
  },
}

/** Returns a check that accepts no finding of these kinds. */
function without(name: string, sentences: Sentences): Check<FindingInEvidence> {
  return { name, check: ({ finding }) => problemsOf(finding, sentences) }
}

/** The content items that entries say are kept are there. It is their problem alone: no entry is another one for it. */
const itemsKept: Check<FindingInEvidence> = {
  name: 'itemsKept',
  check: ({ finding }) =>
    problemsOf(
      finding,
      {
        content_missing: 'content that entries say is kept is missing',
        content_damaged: 'content is damaged, or was altered',
        content_unexpected: 'there is content that no entry says is kept',
      },
      'incomplete',
    ),
}

/** Checks of one finding. Each finding is a fault by exactly one of them. */
export const CONTENT_CHECKS: readonly Check<FindingInEvidence>[] = [
  entriesIntact,
  treeIntact,
  itemsKept,
  without('headAgrees', { head_altered: 'the head is not that of the log' }),
  without('databaseReadable', { database_unreadable: 'the database cannot be read' }),
  without('directoryAgrees', { directory_altered: 'the directory of blocks is not that of the entries' }),
  without('removalsRecorded', { removal_unrecorded: 'entries are removed, and no entry records it' }),
  without('recordsKnown', { record_unknown: 'there is what no log has' }),
  without('indexAgrees', {
    posting_missing: 'an index leaves out entries',
    posting_stray: 'an index leads to entries that do not belong there',
    index_unreadable: 'an index is damaged',
    time_block_altered: 'the index of times is not that of the entries',
    caller_id_altered: "the index of callers' ids is not that of the entries",
    open_run_altered: 'the list of open runs is not that of the entries',
    run_row_altered: 'the list of runs is not that of the entries',
  }),
]

/** The inspection found nothing wrong with the content of the log: the findings in their order. */
export const contentIntact: Check = {
  name: 'contentIntact',
  check({ inspection, provenSize }, policy) {
    return inspection.findings.flatMap((finding) => problemsIn(CONTENT_CHECKS, { finding, provenSize }, policy))
  },
}

/** Entries that are proved are what was signed: where their leaf hash is another, it was altered itself. */
function isTileAltered({ spans }: Finding, provenSize: number): boolean {
  return spans.every(({ to }) => to <= provenSize)
}

function problemsOf(
  finding: Finding,
  sentences: Sentences,
  status: VerifyProblem['status'] = 'altered',
): readonly VerifyProblem[] {
  const { kind } = finding
  const sentence = kind === 'leaf_mismatch' ? undefined : sentences[kind]
  return kind === 'leaf_mismatch' || sentence === undefined ? [] : [found(finding, kind, sentence, status)]
}

function found(
  { count, spans, details }: Finding,
  kind: VerifyProblem['kind'],
  sentence: string,
  status: VerifyProblem['status'] = 'altered',
): VerifyProblem {
  const more = count > 1 ? `, and ${count - 1} more` : ''
  return problem(status, kind, `${sentence}: ${details[0]}${more}`, { count, entries: spans })
}
