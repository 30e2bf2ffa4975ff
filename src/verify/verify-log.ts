import { type Verifier, verifierFromVkey } from '../checkpoint/index.js'
import { parseVkey, SIGNATURE_TYPES } from '../checkpoint/key.js'
import { AuditLogError } from '../events/errors.js'
import { youngSpan } from './age.js'
import {
  addCheckpointProblems,
  anchorsIn,
  type ComparedCheckpoint,
  compareCheckpoint,
  isProof,
  readCheckpoints,
} from './compare-checkpoints.js'
import { checkVerifyOptions, type VerifyOptions } from './options.js'
import { Problems } from './problems.js'
import { readFailure } from './read-failure.js'
import type { ReportedCheckpoint, VerifyBasis, VerifyReport } from './report.js'
import type { Inspection, InspectionRequest, LogSource } from './source.js'
import type { StatementTallies, ToldStatement } from './statements.js'
import { addStrictProblems } from './strictness.js'
import { TrustedKeys } from './trusted-keys.js'

/** The parts of the options that the user took from the log itself. */
export interface TakenFromLog {
  /** True when one of the `vkeys` is from the log. */
  readonly keys?: boolean
  /** The `checkpoints` that are from the log. */
  readonly checkpoints?: ReadonlySet<string>
}

/**
 * Verifies a log against what is known of it: recomputes every leaf hash and the root from the entries, compares all that
 * the log keeps beside them, verifies the signatures of its checkpoints, and that it continues those that were kept elsewhere.
 * It only reads. A report is made of content that was read: what could not be read rejects.
 *
 * @throws AuditLogError `AUDIT_KEY_INVALID` when a key is malformed; `AUDIT_READ_FAILED` when the log cannot be read (disk,
 * permission, memory, descriptors, threads)
 * @throws TypeError naming an unknown or malformed option
 */
export async function verifyLog(source: LogSource, options: VerifyOptions = {}): Promise<VerifyReport> {
  return await verifyTaking({}, source, options)
}

/** {@link verifyLog}, where some of the options were taken from the log itself. */
export async function verifyTaking(
  taken: TakenFromLog,
  source: LogSource,
  options: VerifyOptions,
): Promise<VerifyReport> {
  return (await verifyHearing(taken, source, options, DEAF)).report
}

/** A log that was verified, with what others of its ledger need to know of it. */
export interface VerifiedLog {
  readonly report: VerifyReport
  /** The name in its checkpoints; `undefined` where it is not known. */
  readonly origin: string | undefined
  /** The keys that were trusted, and those to which they handed over. */
  readonly keys: readonly Verifier[]
}

/** Hears what a log says of itself while it is verified. */
export interface Hearing {
  /** Receives the log's own statements but its changes of keys, see `InspectionRequest`. */
  onStatement(statement: ToldStatement): void
  /** Returns further keys that are trusted (vkeys), once all statements were heard. */
  vkeys(): readonly string[]
}

/** Changes of keys that wait until all statements were heard: far more than a log has in its life. */
const MAX_WAITING_CHANGES = 10_000
const DEAF: Hearing = { onStatement: () => {}, vkeys: () => [] }

/** {@link verifyTaking}, with what the log says of itself. */
export async function verifyHearing(
  taken: TakenFromLog,
  source: LogSource,
  options: VerifyOptions,
  hearing: Hearing,
): Promise<VerifiedLog> {
  const { checkpointIntervalMillis, witnessQuorum } = checkVerifyOptions(options)
  const { strict = false, entriesOnly = false, now = () => source.openedAt } = options
  const known = options.vkeys ?? (source.vkey === undefined ? [] : [source.vkey])
  const witnesses = (options.witnessKeys ?? []).map(witnessFrom)
  const origin = options.origin ?? (known[0] === undefined ? undefined : verifierFromVkey(known[0]).name)
  const problems = new Problems()
  const found = [
    ...source.checkpoints.map((kept) => ({ ...kept, isElsewhere: false })),
    ...(options.checkpoints ?? []).map((note) => {
      const isElsewhere = !taken.checkpoints?.has(note)
      return { source: isElsewhere ? 'a checkpoint kept elsewhere' : 'a checkpoint given', note, isElsewhere }
    }),
  ]
  const stated = readCheckpoints(found, origin, problems)
  const keys = new TrustedKeys(known, origin ?? '', stated)
  const changes: ToldStatement[] = []
  const inspection = await inspect(source, {
    sizes: stated.map(({ size }) => Number(size)).sort((one, other) => one - other),
    origins: origin === undefined ? undefined : namesOf(origin, source),
    young: strict ? youngSpan(now(), checkpointIntervalMillis) : undefined,
    threads: options.threads,
    entriesOnly,
    onProgress: options.onProgress ?? (() => {}),
    onStatement: (statement) => {
      if (statement.type !== 'signing_key_changed') hearing.onStatement(statement)
      else if (hearing === DEAF || changes.length === MAX_WAITING_CHANGES) keys.change(statement)
      else changes.push(statement)
    },
    signal: options.signal,
  })
  const heard = hearing.vkeys().filter((vkey) => !known.includes(vkey))
  keys.trust(heard)
  const vkeys = [...known, ...heard]
  for (const change of changes) keys.change(change)
  const compared = stated.map((each) => compareCheckpoint(each, { inspection, keys, witnesses }))
  const provenSize = Math.max(0, ...compared.filter(isProof).map(({ size }) => size))
  const { statements, size } = inspection

  addCheckpointProblems(problems, compared, { size, provenSize, rolledBackAt: statements.diverged.spans[0]?.from })
  if (source.missingCheckpoint !== undefined) {
    const message = `${source.missingCheckpoint} is gone, and there was one: it may have covered more`
    problems.add('truncated', 'checkpoint_missing', message)
  }
  addMissingEnd(problems, source.statedSize, size)
  problems.addFindings(inspection.findings, provenSize)
  const { count, reason, spans } = keys.unproven
  if (count > 0) {
    const message = count === 1 ? reason : `${reason}, and ${count - 1} more`
    problems.add('unknown_key', 'key_change_unproven', message, { count, entries: spans })
  }
  if (found.length === 0) {
    problems.add('unknown_key', 'checkpoint_missing', 'there is no checkpoint: nothing says what the log should be')
  }
  addStatementProblems(problems, statements)
  const isOwnKey = options.vkeys === undefined || taken.keys === true
  const basis: VerifyBasis = {
    keys: vkeys.length === 0 ? 'none' : isOwnKey ? 'log' : 'given',
    ...anchorsIn(compared, witnessQuorum),
  }
  if (strict) addStrictProblems(problems, { basis, inspection, provenSize })
  const root = inspection.rootAt(size)
  const report: VerifyReport = {
    status: problems.status,
    location: source.location,
    size,
    root: root && Buffer.from(root).toString('base64'),
    provenSize,
    basis,
    trustedKeys: vkeys,
    checkpoints: compared.map(reported),
    droppedEvents: statements.dropped.events,
    recoveredEvents: statements.recovered.events,
    unattestedEvents: statements.unattested.events,
    foreignStatements: statements.foreign.entries,
    removedEntries: inspection.removed,
    entriesOnly,
    notes: inspection.notes,
    problems: problems.all,
  }
  return { report, origin, keys: keys.chain }
}

function witnessFrom(vkey: string): Verifier {
  if (parseVkey(vkey).type === SIGNATURE_TYPES.cosignature) return verifierFromVkey(vkey)
  throw new AuditLogError('AUDIT_KEY_INVALID', 'the vkey is none of a witness: it must have signature type 4')
}

async function inspect(source: LogSource, request: InspectionRequest): Promise<Inspection> {
  try {
    return await source.inspect(request)
  } catch (error) {
    throw request.signal?.aborted ? error : readFailure(error, source.location)
  }
}

/** A log that got its name later has statements under the name that it had before. */
function namesOf(origin: string, { defaultOrigin }: LogSource): readonly string[] {
  return defaultOrigin === undefined ? [origin] : [origin, defaultOrigin]
}

function reported({ source, size, signed, holds }: ComparedCheckpoint): ReportedCheckpoint {
  return { source, size, signedBy: signed.by, holds: holds === true }
}

/** What no checkpoint covers yet may have been noted all the same. */
function addMissingEnd(problems: Problems, statedSize: number | undefined, size: number): void {
  if (statedSize === undefined || statedSize <= size || problems.all.some(({ kind }) => kind === 'truncated')) return
  const message = `${statedSize} entries were committed, of which the last ${statedSize - size} are not there`
  problems.add('truncated', 'truncated', message, {
    count: statedSize - size,
    entries: [{ from: size, to: statedSize }],
  })
}

/** Adds the problems that the log states about itself. */
function addStatementProblems(problems: Problems, { diverged, dropped }: StatementTallies): void {
  if (diverged.entries > 0) {
    const message = `the log was opened though it did not continue what was known of it, by entry ${diverged.spans[0]?.from}`
    problems.add('truncated', 'rolled_back', message, { count: diverged.entries, entries: diverged.spans })
  }
  if (dropped.entries > 0) {
    const message = `${dropped.events} events could not be recorded, as ${dropped.entries} entries say`
    problems.add('incomplete', 'events_dropped', message, { count: dropped.events, entries: dropped.spans })
  }
}
