import { problem } from '../problems.js'
import type { Check } from './check.js'

/** Somebody who verifies named the keys. */
const keysGiven: Check = {
  name: 'keysGiven',
  check({ basis }) {
    if (basis.keys !== 'log') return []
    const message = 'the key came with the log itself: whoever can alter the log could have replaced it'
    return [problem('unproven', 'key_not_given', message)]
  },
}

/** A checkpoint that was kept elsewhere, or enough trusted witnesses, vouch for the log. */
const anchorPresent: Check = {
  name: 'anchorPresent',
  check({ basis, inspection }) {
    if (basis.anchoredSize > 0 || inspection.size === 0) return []
    const message = 'no checkpoint that was kept elsewhere, and no trusted witness, vouches for the log'
    return [problem('unproven', 'anchor_missing', message)]
  },
}

/** A checkpoint that holds covers every entry that is older than the grace period. */
const dueEntriesCovered: Check = {
  name: 'dueEntriesCovered',
  check({ inspection: { dueSize }, provenSize }) {
    if (dueSize <= provenSize) return []
    const message = 'entries that are older than two checkpoint intervals are not covered by a checkpoint that holds'
    const entries = [{ from: provenSize, to: dueSize }]
    return [problem('unproven', 'uncovered', message, { count: dueSize - provenSize, entries })]
  },
}

/** Something outside of the log attests the events that were recovered after a crash. */
const recoveredAttested: Check = {
  name: 'recoveredAttested',
  check({ inspection }) {
    const { events, spans } = inspection.statements.unattested
    if (events === 0) return []
    const message = `${events} events were taken over after a crash, attested by nothing outside`
    return [problem('unproven', 'recovered_unattested', message, { count: events, entries: spans })]
  },
}

/** Checks that pass unless the policy is strict: the proof must not rest on the log alone. */
export const STRICT_CHECKS: readonly Check[] = [keysGiven, anchorPresent, dueEntriesCovered, recoveredAttested].map(
  ({ name, check }) => ({ name, check: (evidence, policy) => (policy.isStrict ? check(evidence, policy) : []) }),
)
