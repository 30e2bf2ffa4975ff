import type { Check } from '../checks/check.js'
import { problem } from '../problems.js'
import type { VerifyProblem } from '../report.js'
import type { ComparedSibling, Contradiction } from './compare-siblings.js'
import type { LedgerEvidence, LedgerTrust, VerifiedMember } from './ledger-evidence.js'
import type { SiblingObservation } from './sibling-observations.js'

type LedgerCheck = Check<LedgerEvidence, LedgerTrust>

/** Every checkpoint that was given can be parsed. */
const checkpointsWellFormed: LedgerCheck = {
  name: 'checkpointsWellFormed',
  check({ checkpoints }) {
    return checkpoints.malformed.map((reason) =>
      problem('altered', 'checkpoint_altered', `a checkpoint given is malformed: ${reason}`),
    )
  },
}

/** Each log has the number with which it joined the ledger, and log 0 joined none. */
const logsInPlace: LedgerCheck = {
  name: 'logsInPlace',
  check({ logs }, trust) {
    return logs.flatMap((log) =>
      reasonsOfMisplacement(log, trust).map((reason) => {
        const message = `the log '${log.origin}' lies in the place of log ${log.number}, and ${reason}`
        return problem('altered', 'log_misplaced', message, { log: log.number })
      }),
    )
  },
}

/** A key of the ledger, or whoever verifies, vouches for the key of each further log. */
const joinsProven: LedgerCheck = {
  name: 'joinsProven',
  check({ logs }, trust) {
    return logs.flatMap(({ number, origin, policy, joinings }): VerifyProblem[] => {
      const isVouchedFor = joinings.valid.length > 0 || policy.logKeys.length > 0
      if (number === 0 || isVouchedFor || isNameOfFirst(origin, trust)) return []
      if (joinings.isStated) {
        const message = `log ${number} says that it joined the ledger, but ${joinings.reason}`
        return [problem('unknown_key', 'join_unproven', message, { log: number })]
      }
      const message = `log ${number} does not say that it joined the ledger: no key of the ledger vouches for it`
      return [problem('unknown_key', 'join_missing', message, { log: number })]
    })
  },
}

/** No log contradicts what another observed of it. */
const siblingsAsObserved: LedgerCheck = {
  name: 'siblingsAsObserved',
  check({ siblings }) {
    return siblings.flatMap((sibling) => {
      const proven = sibling.contradictions.filter((each) => each.proven.length > 0)
      return proven.map((each) => contradictionProblem(sibling, each))
    })
  },
}

/** Something vouches for each observation that a log contradicts, unless the log contradicts others that are proved. */
const observationsProven: LedgerCheck = {
  name: 'observationsProven',
  check({ siblings }) {
    return siblings.flatMap(({ number, contradictions }): VerifyProblem[] => {
      const unproven = contradictions.flatMap((each) => each.unproven)
      if (unproven.length === 0 || contradictions.some(({ proven }) => proven.length > 0)) return []
      const what = 'which it does not have; neither a checkpoint nor its own signature vouches for that note'
      const parts = { count: unproven.length, log: number }
      return [problem('unknown_key', 'sibling_note_unproven', `${inWords(largest(unproven))}, ${what}`, parts)]
    })
  },
}

/** Log 0 is there: a ledger begins with it, whatever the others observed of it. */
const firstLogPresent: LedgerCheck = {
  name: 'firstLogPresent',
  check({ numbers, siblings }) {
    if (numbers.includes(0) || siblings.some(isFirstMissing)) return []
    const message = 'log 0 is not there, and there was one before any other'
    return [problem('altered', 'sibling_missing', message, { log: 0 })]
  },
}

/** Every checkpoint that was given is of a log of the ledger. */
const checkpointsOfLedger: LedgerCheck = {
  name: 'checkpointsOfLedger',
  check({ checkpoints }) {
    return [...checkpoints.left].map(([origin, count]) => {
      const message = `a checkpoint given is of the log '${origin}', which is not in the ledger`
      return problem('unknown_key', 'key_unknown', message, { count })
    })
  },
}

/** The checks of a ledger. Problems of one status are reported in this order. */
export const LEDGER_CHECKS: readonly LedgerCheck[] = [
  checkpointsWellFormed,
  logsInPlace,
  joinsProven,
  siblingsAsObserved,
  observationsProven,
  firstLogPresent,
  checkpointsOfLedger,
]

function reasonsOfMisplacement({ number, origin, joinings }: VerifiedMember, trust: LedgerTrust): readonly string[] {
  if (number === 0) return joinings.isStated && !trust.isSingle ? ['it joined the ledger with another number'] : []
  const other = joinings.valid.find((joining) => joining.number !== number)
  return [
    ...(isNameOfFirst(origin, trust) ? ['that is the name of log 0'] : []),
    ...(other ? [`it joined the ledger as log ${other.number}`] : []),
  ]
}

/** Returns whether a log has the name of log 0, whose keys are those of the ledger. */
function isNameOfFirst(origin: string | undefined, { keys }: LedgerTrust): boolean {
  return keys.some(({ name }) => name === origin)
}

function isFirstMissing({ number, contradictions }: ComparedSibling): boolean {
  return number === 0 && contradictions.some(({ kind, proven }) => kind === 'sibling_missing' && proven.length > 0)
}

function contradictionProblem(
  { number, origin, size }: ComparedSibling,
  { kind, proven }: Contradiction,
): VerifyProblem {
  const common = { count: proven.length, log: number }
  const most = largest(proven)
  switch (kind) {
    case 'sibling_missing':
      return problem('altered', kind, `${inWords(most)}, and there is no such log`, common)
    case 'sibling_rolled_back': {
      const message = `${inWords(most)}, of which the last ${most.size - size} are not there`
      return problem('altered', kind, message, { ...common, entries: [{ from: size, to: most.size }] })
    }
    case 'sibling_altered': {
      // The smallest size at which another root is found says most of where it was altered.
      const first = proven.reduce((least, each) => (each.size < least.size ? each : least))
      const isOther = origin !== undefined && origin !== first.origin
      const what = isOther ? `and the log '${origin}' is in its place` : 'which have another root now'
      const entries = isOther ? [] : [{ from: 0, to: first.size }]
      return problem('altered', kind, `${inWords(first)}, ${what}`, { ...common, entries })
    }
  }
}

function inWords({ observedBy, seq, log, origin, size }: SiblingObservation): string {
  return `log ${log} ('${origin}') had ${size} entries, as entry ${seq} of log ${observedBy} says`
}

function largest(observations: readonly SiblingObservation[]): SiblingObservation {
  return observations.reduce((most, each) => (each.size > most.size ? each : most))
}
