import type { Findings } from '../verify/findings.js'

/** The positions of a run's first and last event, as its row states them. */
export interface RowSpan {
  readonly firstSeq: number
  readonly lastSeq: number
}

export function addRowMissing(findings: Findings, seq: number): void {
  add(findings, seq, `the run of entry ${seq} has no row`)
}

/** Adds an entry that lies outside of what the row of its run covers, or before what the row takes for the first. */
export function addRowIgnores(findings: Findings, seq: number): void {
  add(findings, seq, `the row of the run of entry ${seq} leaves that entry out`)
}

export function addRowDiffers(findings: Findings, { firstSeq }: RowSpan): void {
  add(findings, firstSeq, `the row of the run that entry ${firstSeq} began is not the sum of its entries`)
}

/** Adds a row of which the first event is not one of the run. */
export function addRowBeginsElsewhere(findings: Findings, { firstSeq }: RowSpan): void {
  add(findings, firstSeq, `the row of a run begins with entry ${firstSeq}, which is not one of the run`)
}

/** Adds a row of which the last event is not one of the run. */
export function addRowEndsElsewhere(findings: Findings, { firstSeq, lastSeq }: RowSpan): void {
  const what = `the row of the run that entry ${firstSeq} began ends with entry ${lastSeq}, which is not one of the run`
  add(findings, firstSeq, what)
}

function add(findings: Findings, seq: number, what: string): void {
  findings.add('run_row_altered', what, { from: seq, to: seq + 1 })
}
