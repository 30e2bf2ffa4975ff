import { parseCheckpoint, parseNote, type Verifier, verifierFromVkey } from '../../checkpoint/index.js'
import type { StatementObserver } from '../evidence.js'
import type { VerifyOptions } from '../options.js'
import type { LogSource } from '../source.js'
import { identityFor, type TakenFromLog } from '../trust-policy.js'
import { type VerifiedLog, verifySource } from '../verify-log.js'
import { CheckpointsByOrigin } from './checkpoints-by-origin.js'
import { type ComparedSibling, compareSibling } from './compare-siblings.js'
import { Joinings } from './joinings.js'
import type { LedgerLog, LedgerToVerify } from './ledger.js'
import { type SiblingObservation, SiblingObservations } from './sibling-observations.js'

/** All that was established about a ledger: what its checks judge. */
export interface LedgerEvidence {
  /** The numbers of the logs that are there. */
  readonly numbers: readonly number[]
  /** These logs, verified: log 0 first. */
  readonly logs: readonly VerifiedMember[]
  /** The logs that others observed, by number. */
  readonly siblings: readonly ComparedSibling[]
  /** The checkpoints that were given, as far as they were not left to a single log. */
  readonly checkpoints: CheckpointsByOrigin
}

/** The trust by which a ledger is verified. */
export interface LedgerTrust {
  /** The keys of the ledger: those of log 0, and those to which they handed over. */
  readonly keys: readonly Verifier[]
  /** True when there is one log alone, in the place of log 0: it may be a copy of any log of a ledger. */
  readonly isSingle: boolean
}

/** A verified log of a ledger, with its statements about the ledger. */
export interface VerifiedMember extends VerifiedLog {
  readonly number: number
  readonly joinings: Joinings
  readonly observations: readonly SiblingObservation[]
}

/**
 * Verifies the logs of a ledger one after the other, and compares each with what the others observed of it. That comes
 * last, with each log as it is by then: a writer may have gone on.
 *
 * @throws what `verifyLog` throws
 */
export async function collectLedgerEvidence(
  { logs, taken }: LedgerToVerify,
  options: VerifyOptions,
): Promise<{ readonly evidence: LedgerEvidence; readonly trust: LedgerTrust }> {
  const first = logs.find(({ number }) => number === 0)
  const isSingle = first !== undefined && logs.length === 1
  const checkpoints = new CheckpointsByOrigin(isSingle ? [] : (options.checkpoints ?? []))
  const members: VerifiedMember[] = []
  let keys: readonly Verifier[] = (options.logKeys ?? []).map(verifierFromVkey)
  if (first) {
    const member = await verifyFirst(first, { options, taken, isSingle, checkpoints })
    members.push(member)
    keys = member.keys
  }
  for (const log of logs) {
    if (log.number !== 0) members.push(await verifyFurther(log, { options, taken, keys, checkpoints }))
  }
  const trust = { keys, isSingle }
  // What log 1 of a ledger observed of others says nothing where it lies alone, as in a copy of it.
  const isAlone = isSingle && members[0]?.joinings.isStated === true
  const siblings = isAlone ? [] : await compareSiblings(logs, members, trust)
  return { evidence: { numbers: logs.map(({ number }) => number), logs: members, siblings, checkpoints }, trust }
}

/** The circumstances in which a log of a ledger is verified. */
interface MemberCircumstances {
  readonly options: VerifyOptions
  readonly taken: TakenFromLog
  readonly checkpoints: CheckpointsByOrigin
}

/**
 * Verifies log 0, whose keys are those of the ledger. A single log gets all checkpoints, and reports those of others
 * itself.
 */
async function verifyFirst(
  log: LedgerLog,
  { options, taken, isSingle, checkpoints }: MemberCircumstances & Pick<LedgerTrust, 'isSingle'>,
): Promise<VerifiedMember> {
  return await withSource(log, async (source) => {
    const { origin } = identityFor(source, options)
    const ofLog = isSingle ? (options.checkpoints ?? []) : checkpoints.take(origin)
    const joinings = new Joinings([], origin)
    return await verifyMember(log.number, source, { options: { ...options, checkpoints: ofLog }, taken, joinings })
  })
}

/** Verifies a log that has a key of its own, for which one of the ledger has to vouch. */
async function verifyFurther(
  log: LedgerLog,
  { options, taken, keys, checkpoints }: MemberCircumstances & Pick<LedgerTrust, 'keys'>,
): Promise<VerifiedMember> {
  return await withSource(log, async (source) => {
    const origin = statedOrigin(source)
    const given = keys.some(({ name }) => name === origin) ? [] : (options.logKeys ?? [])
    const ofLog: VerifyOptions = {
      ...options,
      checkpoints: checkpoints.take(origin),
      // The key beside the log is not trusted: the ledger's vouches for it, or whoever verifies knows it.
      logKeys: given.filter((vkey) => verifierFromVkey(vkey).name === origin),
      ...(origin !== undefined && { origin }),
    }
    return await verifyMember(log.number, source, {
      options: ofLog,
      taken: { ...taken, keys: options.logKeys === undefined || taken.keys === true },
      joinings: new Joinings(keys, origin),
    })
  })
}

interface MemberToVerify {
  readonly options: VerifyOptions
  readonly taken: TakenFromLog
  readonly joinings: Joinings
}

async function verifyMember(
  number: number,
  source: LogSource,
  { options, taken, joinings }: MemberToVerify,
): Promise<VerifiedMember> {
  const observations = new SiblingObservations(number)
  const observer = {
    observe: ({ seq, type, data }) => {
      if (type === 'siblings_noted') observations.add(seq, data)
      else if (type === 'ledger_joined') joinings.add(data)
    },
    vouchedKeys: () => [...new Set(joinings.valid.map(({ vkey }) => vkey))],
  } satisfies StatementObserver
  const verified = await verifySource(source, options, { taken, observer })
  return { ...verified, number, joinings, observations: observations.all }
}

async function compareSiblings(
  logs: readonly LedgerLog[],
  members: readonly VerifiedMember[],
  { keys: ledgerKeys }: LedgerTrust,
): Promise<readonly ComparedSibling[]> {
  const observations = members.flatMap((member) => member.observations)
  const memberOf = (number: number) => members.find((member) => member.number === number)
  const isProven = ({ observedBy, seq }: SiblingObservation) => seq < (memberOf(observedBy)?.report.provenSize ?? 0)
  const numbers = [...new Set(observations.map(({ log }) => log))].sort((one, other) => one - other)
  const compared: ComparedSibling[] = []
  for (const number of numbers) {
    const log = logs.find((each) => each.number === number)
    const tree = await log?.openTree()
    // It is damaged, and the report of the log says so.
    if (log && !tree) continue
    const { origin, keys = number === 0 ? ledgerKeys : [] } = memberOf(number) ?? {}
    const ofLog = observations.filter((each) => each.log === number)
    try {
      compared.push(await compareSibling({ number, origin, keys, tree }, ofLog, isProven))
    } finally {
      await tree?.close()
    }
  }
  return compared
}

async function withSource<T>(log: LedgerLog, use: (source: LogSource) => Promise<T>): Promise<T> {
  const source = await log.open()
  try {
    return await use(source)
  } finally {
    await source.close()
  }
}

/**
 * Returns the name that a log has by its checkpoints.
 *
 * Attacker-controlled: checkpoints and vkey beside the log, unsigned so far. A key of that name must bear the name out.
 */
function statedOrigin({ checkpoints, vkey, defaultOrigin }: LogSource): string | undefined {
  for (const { note } of checkpoints.toReversed()) {
    try {
      return parseCheckpoint(parseNote(note).text).origin
    } catch {
      // The report of the log says so.
    }
  }
  return vkey?.split('+')[0] || defaultOrigin
}
