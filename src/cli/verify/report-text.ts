import type {
  ContentTally,
  LedgerReport,
  VerifyBasis,
  VerifyProblem,
  VerifyReport,
  VerifyStatus,
} from '../../verify/report.js'
import type { Paint } from '../output.js'
import { printable } from '../text.js'

/** The verdict in words, by status. */
export const HEADLINES: Readonly<Record<VerifyStatus, string>> = {
  verified: 'VERIFIED',
  altered: 'ALTERED',
  truncated: 'TRUNCATED OR ROLLED BACK',
  unknown_key: 'UNKNOWN KEY',
  incomplete: 'INCOMPLETE',
  unproven: 'NOT PROVED STRICTLY',
}

/** Returns the report of a log or of a ledger for people. */
export function verdictText(report: VerifyReport | LedgerReport, paint: Paint): string {
  return 'logs' in report ? ledgerText(report, paint) : reportText(report, paint)
}

/** Returns the verdict over a ledger, what no single log tells, and the report of each log. */
function ledgerText({ status, location, logs, problems }: LedgerReport, paint: Paint): string {
  const headline = paint(status === 'verified' ? 'green' : 'red', HEADLINES[status])
  return [
    `${headline}  ${printable(location)}: a ledger of ${counted(logs.length, 'log')}`,
    ...problems.map((problem) => problemLine(problem, paint)),
    ...logs.map((report) => `\nlog ${report.log}\n${reportText(report, paint, report.log === 0)}`),
  ].join('\n')
}

/**
 * Returns a report for people: the verdict, and what it rests on.
 *
 * @param asksForKey - a key from elsewhere would make it surer: that of a ledger is log 0's, which vouches for the others
 */
function reportText(report: VerifyReport, paint: Paint, asksForKey = true): string {
  const { status, location, size, root, provenSize, basis, checkpoints, trustedKeys, problems, content } = report
  const headline = status === 'verified' ? `${HEADLINES.verified} ${basisText(basis)}` : HEADLINES[status]
  const lines = [
    `${paint(status === 'verified' ? 'green' : 'red', headline)}  ${printable(location)}`,
    `  entries     ${size}, of which ${provenSize} are covered by a signed checkpoint that holds`,
    `  root        ${root ?? 'unknown: an entry is missing'}`,
    ...checkpoints.map((each) => `  checkpoint  ${printable(checkpointLine(each))}`),
    ...trustedKeys.map((vkey) => `  key         ${printable(vkey)}`),
    ...basis.witnesses.map((name) => `  witness     ${printable(name)}`),
    ...(content === undefined ? [] : contentLines(content)),
    ...notesOf(report).map((note) => `  note        ${note}`),
    ...problems.map((problem) => problemLine(problem, paint)),
  ]
  if (basis.keys === 'none' && asksForKey)
    lines.push(paint('yellow', "  No trusted key is known: give the log's as --vkey."))
  if (basis.keys === 'log' && asksForKey) {
    lines.push(
      paint(
        'yellow',
        '  The key was taken from the log directory itself: whoever can write there could have replaced it.',
      ),
      paint('yellow', '  Note it elsewhere, and give it as --vkey.'),
    )
  }
  return lines.join('\n')
}

/** Nothing where no entry promises content. */
function contentLines({ checked, unchecked, missing, damaged, erased }: ContentTally): readonly string[] {
  const parts = [
    [checked, 'checked'],
    [unchecked, 'not checked, for lack of the key'],
    [missing, 'missing'],
    [damaged, 'damaged'],
    [erased, 'erased'],
  ] as const
  const text = parts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`)
  return text.length === 0 ? [] : [`  content     ${text.join(', ')}`]
}

/** Names the evidence that a verdict rests on. */
function basisText({ keys, checkpointsElsewhere, witnesses, anchoredSize }: VerifyBasis): string {
  const outside = [
    ...(checkpointsElsewhere > 0
      ? [counted(checkpointsElsewhere, 'checkpoint kept elsewhere', 'checkpoints kept elsewhere')]
      : []),
    ...(witnesses.length > 0 ? [counted(witnesses.length, 'witness', 'witnesses')] : []),
  ]
  const upTo = outside.length > 0 ? ` (${anchoredSize} entries)` : ''
  const key = keys === 'given' ? 'a key given as --vkey' : 'the key that lies in the log directory'
  const only = outside.length === 0 ? ' only' : ''
  return `by ${[...outside, key].join(' and ')}${upTo}${only}`
}

/** Lists the facts that are no problems, but worth a line. */
function notesOf(report: VerifyReport): readonly string[] {
  const { recoveredEvents, unattestedEvents, foreignStatements, removedEntries } = report
  const notes = report.remarks.map(printable)
  if (removedEntries > 0) {
    notes.push(`${counted(removedEntries, 'entry was', 'entries were')} removed: the tree keeps the leaf hashes`)
  }
  if (unattestedEvents > 0) {
    notes.push(`${counted(unattestedEvents, 'event')} taken over after a crash, attested by nothing outside`)
  }
  if (recoveredEvents > unattestedEvents) {
    notes.push(
      `${counted(recoveredEvents - unattestedEvents, 'event')} taken over after a crash, attested by the journal key`,
    )
  }
  if (foreignStatements > 0) {
    notes.push(`${counted(foreignStatements, 'statement')} of another log, which say nothing of this one`)
  }
  return notes
}

function counted(count: number, one: string, several = `${one}s`): string {
  return `${count} ${count === 1 ? one : several}`
}

function checkpointLine({ source, size, signedBy, holds }: VerifyReport['checkpoints'][number]): string {
  return `${source}: ${size} entries, ${signedBy ? `signed by ${signedBy}` : 'by no trusted key'}, ${holds ? 'holds' : 'does not hold'}`
}

function problemLine({ status, message, entries, log }: VerifyProblem, paint: Paint): string {
  const spans = entries.slice(0, 10).map(({ from, to }) => (to === from + 1 ? `${from}` : `${from}–${to - 1}`))
  const of = log === undefined ? '' : `log ${log}, `
  const where = spans.length === 0 ? '' : ` [${of}seq ${spans.join(', ')}${entries.length > spans.length ? ', …' : ''}]`
  return `  ${paint('red', status.padEnd(11))} ${printable(message)}${where}`
}
