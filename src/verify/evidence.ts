import {
  type ComparedCheckpoint,
  compareCheckpoint,
  isProof,
  parseCheckpoints,
  type RefusedCheckpoint,
} from './compare-checkpoints.js'
import type { VerifyOptions } from './options.js'
import { readFailure } from './read-failure.js'
import type { VerifyBasis } from './report.js'
import type { Inspection, InspectionRequest, LogSource } from './source.js'
import type { StatementEntry } from './statements.js'
import type { TrustPolicy } from './trust-policy.js'
import { TrustedKeys } from './trusted-keys.js'

/** All that one inspection of a log established: what the checks judge. Its source may be closed by then. */
export interface Evidence {
  readonly inspection: Inspection
  /** The number of entries that there were at least, see `LogSource`. */
  readonly statedSize: number | undefined
  /** A checkpoint that should lie beside the log, and does not. */
  readonly missingCheckpoint: string | undefined
  /** The checkpoints that were compared, those found with the log first. */
  readonly checkpoints: readonly ComparedCheckpoint[]
  /** The checkpoints that could not be compared. */
  readonly refused: readonly RefusedCheckpoint[]
  /** The keys that were trusted, and the changes of keys that the log states. */
  readonly keys: TrustedKeys
  /** The keys that were trusted at the outset (vkeys). */
  readonly trustedKeys: readonly string[]
  /** Number of entries that the largest proving checkpoint covers. */
  readonly provenSize: number
  readonly basis: VerifyBasis
}

/** Observes the statements of a log, and vouches for keys by them: the ledger that the log belongs to. */
export interface StatementObserver {
  /** Receives the log's own statements but its changes of keys, see `InspectionRequest`. */
  observe(statement: StatementEntry): void
  /** Returns further keys of the log that are trusted (vkeys), once all statements were observed. */
  vouchedKeys(): readonly string[]
}

/** The settings of an inspection that have nothing to do with trust. */
export interface InspectionSettings extends Pick<VerifyOptions, 'threads' | 'entriesOnly' | 'onProgress' | 'signal'> {
  readonly observer?: StatementObserver | undefined
}

/** Changes of keys that wait until all statements were observed: far more than a log has in its life. */
const MAX_WAITING_CHANGES = 10_000

/** Inspects a log, and compares it with the checkpoints and keys of a trust policy. */
export async function collectEvidence(
  source: LogSource,
  policy: TrustPolicy,
  settings: InspectionSettings,
): Promise<Evidence> {
  const { origin, logKeys, witnesses } = policy
  const { observer } = settings
  const found = source.checkpoints.map((each) => ({ ...each, isElsewhere: false }))
  const { parsed, refused } = parseCheckpoints([...found, ...policy.checkpoints], origin)
  const keys = new TrustedKeys(logKeys, origin ?? '', parsed)
  const waiting: StatementEntry[] = []
  const inspection = await inspect(source, {
    sizes: parsed.map(({ size }) => Number(size)).sort((one, other) => one - other),
    origins: origin === undefined ? undefined : namesOf(origin, source),
    gracePeriod: policy.gracePeriod,
    threads: settings.threads,
    entriesOnly: settings.entriesOnly ?? false,
    onProgress: settings.onProgress ?? (() => {}),
    onStatement: (statement) => {
      if (statement.type !== 'signing_key_changed') observer?.observe(statement)
      else if (!observer || waiting.length === MAX_WAITING_CHANGES) keys.change(statement)
      else waiting.push(statement)
    },
    signal: settings.signal,
  })
  const vouched = (observer?.vouchedKeys() ?? []).filter((vkey) => !logKeys.includes(vkey))
  keys.trust(vouched)
  for (const change of waiting) keys.change(change)
  const checkpoints = parsed.map((each) => compareCheckpoint(each, { inspection, keys, witnesses }))
  const trustedKeys = [...logKeys, ...vouched]
  return {
    inspection,
    statedSize: source.statedSize,
    missingCheckpoint: source.missingCheckpoint,
    checkpoints,
    refused,
    keys,
    trustedKeys,
    provenSize: Math.max(0, ...checkpoints.filter(isProof).map(({ size }) => size)),
    basis: { keys: trustedKeys.length === 0 ? 'none' : policy.keysFrom, ...anchorsIn(checkpoints, policy) },
  }
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

/**
 * Returns the anchors of the log: proving checkpoints that do not rest on the log alone, since they were kept elsewhere
 * or enough witnesses cosigned them. A checkpoint that was given twice counts once.
 */
function anchorsIn(
  checkpoints: readonly ComparedCheckpoint[],
  { witnessQuorum }: TrustPolicy,
): Omit<VerifyBasis, 'keys'> {
  const proofs = checkpoints.filter((each) => isProof(each) && each.size > 0)
  const witnessed = proofs.filter(({ witnesses }) => witnesses.length > 0 && witnesses.length >= witnessQuorum)
  const elsewhere = proofs.filter(({ isElsewhere }) => isElsewhere)
  return {
    checkpointsElsewhere: new Set(elsewhere.map(({ note }) => note)).size,
    witnesses: [...new Set(witnessed.flatMap(({ witnesses }) => witnesses))],
    anchoredSize: Math.max(0, ...[...elsewhere, ...witnessed].map(({ size }) => size)),
  }
}
