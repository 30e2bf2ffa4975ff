import { type Verifier, verifierFromVkey } from '../checkpoint/index.js'
import { parseVkey, SIGNATURE_TYPES } from '../checkpoint/key.js'
import { AuditLogError } from '../events/errors.js'
import { type GracePeriod, gracePeriodAt } from './grace-period.js'
import { resolveVerifyOptions, type VerifyOptions } from './options.js'
import type { LogSource, UnverifiedCheckpoint } from './source.js'

/** The parts of the options that the user took from the log itself. */
export interface TakenFromLog {
  /** True when one of the `logKeys` is from the log. */
  readonly keys?: boolean
  /** The `checkpoints` that are from the log. */
  readonly checkpoints?: ReadonlySet<string>
}

/**
 * The trust by which one log is verified. It is made once, from the options and from the key beside the log, and every
 * check judges by it:
 *
 *     {
 *       logKeys: ['example.org/log+5f2c…+AQ…'],        named by the caller,
 *       keysFrom: 'given',                           so that they count as evidence
 *       origin: 'example.org/log',                   the name of the first key
 *       witnesses: [one, two],                       of which
 *       witnessQuorum: 2,                            both must have cosigned
 *       checkpoints: [{ source: 'a checkpoint kept elsewhere', note: 'example.org/log\n42\n…', isElsewhere: true }],
 *       isStrict: true,                              the proof must not rest on the log alone,
 *       gracePeriod: { from: '2026-01-01T00:00:00.000000000Z', to: '…' }    but for entries this new
 *     }
 */
export interface TrustPolicy {
  /** The keys of the log that are trusted at the outset. */
  readonly logKeys: readonly string[]
  /** `log` when a key came with the log: whoever can alter the log can replace it. */
  readonly keysFrom: 'given' | 'log'
  /** The name of the log in its checkpoints; `undefined` when it is not known. */
  readonly origin: string | undefined
  /** Trusted witnesses. */
  readonly witnesses: readonly Verifier[]
  /** The number of them that must have cosigned a checkpoint. */
  readonly witnessQuorum: number
  /** The checkpoints that the caller gave: the log must continue each. */
  readonly checkpoints: readonly UnverifiedCheckpoint[]
  /** The proof must not rest on the log alone. */
  readonly isStrict: boolean
  /** The times of entries that no checkpoint needs to cover yet; `undefined` unless strict. */
  readonly gracePeriod: GracePeriod | undefined
}

/**
 * Makes the trust policy for a log.
 *
 * @throws AuditLogError `AUDIT_KEY_INVALID`
 * @throws TypeError naming an unknown or malformed option
 */
export function trustPolicyFor(
  { vkey, openedAt }: Pick<LogSource, 'vkey' | 'openedAt'>,
  options: VerifyOptions,
  taken: TakenFromLog,
): TrustPolicy {
  const { witnessQuorum, checkpointIntervalMillis } = resolveVerifyOptions(options)
  const { strict = false, witnessKeys = [], checkpoints = [], now = () => openedAt } = options
  const { logKeys, origin } = identityFor({ vkey }, options)
  return Object.freeze({
    logKeys,
    origin,
    keysFrom: options.logKeys === undefined || taken.keys === true ? 'log' : 'given',
    witnesses: witnessKeys.map(witnessFrom),
    witnessQuorum,
    checkpoints: checkpoints.map((note) => {
      const isElsewhere = !taken.checkpoints?.has(note)
      return { source: isElsewhere ? 'a checkpoint kept elsewhere' : 'a checkpoint given', note, isElsewhere }
    }),
    isStrict: strict,
    gracePeriod: strict ? gracePeriodAt(now(), checkpointIntervalMillis) : undefined,
  })
}

/**
 * Returns the keys of the log that are trusted at the outset, and its name in its checkpoints.
 *
 * @throws AuditLogError `AUDIT_KEY_INVALID`
 */
export function identityFor(
  { vkey }: Pick<LogSource, 'vkey'>,
  { logKeys = vkey === undefined ? [] : [vkey], origin }: VerifyOptions,
): Pick<TrustPolicy, 'logKeys' | 'origin'> {
  return { logKeys, origin: origin ?? (logKeys[0] === undefined ? undefined : verifierFromVkey(logKeys[0]).name) }
}

function witnessFrom(vkey: string): Verifier {
  if (parseVkey(vkey).type === SIGNATURE_TYPES.cosignature) return verifierFromVkey(vkey)
  throw new AuditLogError('AUDIT_KEY_INVALID', 'the vkey is none of a witness: it must have signature type 4')
}
