import type { Problems } from './problems.js'
import type { VerifyBasis } from './report.js'
import type { Inspection } from './source.js'

/** The facts that decide a strict verdict. */
export interface StrictFacts {
  readonly basis: VerifyBasis
  readonly inspection: Inspection
  readonly provenSize: number
}

/** Adds what a proof lacks that must not rest on the log alone. */
export function addStrictProblems(problems: Problems, { basis, inspection, provenSize }: StrictFacts): void {
  const { size, settledSize, statements } = inspection
  if (basis.keys === 'log') {
    const message = 'the key came with the log itself: whoever can alter the log could have replaced it'
    problems.add('unproven', 'key_not_given', message)
  }
  if (basis.anchoredSize === 0 && size > 0) {
    const message = 'no checkpoint that was kept elsewhere, and no trusted witness, vouches for the log'
    problems.add('unproven', 'anchor_missing', message)
  }
  if (settledSize > provenSize) {
    const message = 'entries that are older than two checkpoint intervals are not covered by a checkpoint that holds'
    const entries = [{ from: provenSize, to: settledSize }]
    problems.add('unproven', 'uncovered', message, { count: settledSize - provenSize, entries })
  }
  const { events, spans } = statements.unattested
  if (events > 0) {
    const message = `${events} events were taken over after a crash, attested by nothing outside`
    problems.add('unproven', 'recovered_unattested', message, { count: events, entries: spans })
  }
}
