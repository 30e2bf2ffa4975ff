import { Ed25519Signer, renamedSigner, type Signer } from '../../checkpoint/index.js'
import { AuditLogError } from '../../events/errors.js'
import type { ResolvedCheckpointOptions } from './options.js'
import { invalidKey, ownOrNewSigner, ownSigner } from './own-key.js'
import { isOneOf, nameOf, type SigningKey } from './signing-keys.js'

/** Overrides nothing that an option says; see `AuditLogOptions.signingKey` for its form. */
const SIGNING_KEY_VARIABLE = 'SPANLEDGER_SIGNING_KEY'

export interface SigningKeyChoice extends Pick<ResolvedCheckpointOptions, 'signer' | 'signingKey' | 'origin'> {
  /** Of the log; without one no key is generated. */
  readonly directory: string | undefined
  /** Name of a log that nobody has named. */
  readonly defaultOrigin: string
  /** A key that is given is the key of a ledger: it signs this log under the name of the log. @defaultValue `false` */
  readonly isOfLedger?: boolean | undefined
  /** The keys that signed the newest checkpoint of the log: none for a log without checkpoints. */
  readonly current: readonly SigningKey[]
  readonly report: (problem: Error) => void
}

/**
 * The signer of a log's checkpoints: the one that is given, the key that is given or in the environment, or the log's
 * own key, generated at first. That one never takes the place of a key that somebody chose.
 *
 * @returns `undefined` for a log without checkpoints
 * @throws AuditLogError `AUDIT_KEY_INVALID`; `AUDIT_ORIGIN_MISMATCH` when the key is named for another log
 */
export async function chooseSigner(choice: SigningKeyChoice): Promise<Signer | undefined> {
  const { origin, directory } = choice
  if (choice.signer === false) return undefined
  let signer = givenSigner(choice)
  if (!signer && directory !== undefined) signer = await ownSignerFor(directory, choice)
  if (signer && origin !== undefined && signer.name !== origin) {
    throw new AuditLogError(
      'AUDIT_ORIGIN_MISMATCH',
      `The key '${signer.name}' cannot sign for the log '${origin}': a log's key has the name of its origin`,
    )
  }
  return signer
}

/**
 * Returns the log's name: that of its checkpoints, else that of the key which will sign the first. It is known before
 * anything is sealed, since the log marks its statements by it.
 *
 * @param stated - origin of the log's checkpoints, if it has any
 * @throws AuditLogError `AUDIT_KEY_INVALID`
 */
export async function originFor(
  stated: string | undefined,
  choice: Omit<SigningKeyChoice, 'current' | 'report'>,
): Promise<string> {
  const { origin, defaultOrigin, directory } = choice
  if (stated !== undefined) return stated
  if (choice.signer === false) return origin ?? defaultOrigin
  const given = givenSigner({ ...choice, signer: choice.signer })
  if (given || directory === undefined) return given?.name ?? origin ?? defaultOrigin
  // Others of a ledger may name the key of its log 0 before that is open.
  return (await ownOrNewSigner(directory, origin ?? defaultOrigin)).name
}

/** Returns the key that is given, or else the one that was generated for the log, if it is there. */
export async function signerAtHand(choice: Omit<SigningKeyChoice, 'current' | 'report'>): Promise<Signer | undefined> {
  const { directory } = choice
  const given = choice.signer === false ? undefined : givenSigner({ ...choice, signer: choice.signer })
  return given ?? (directory === undefined ? undefined : await ownSigner(directory))
}

/** Returns the signer that an option gives, or the environment. */
function givenSigner({ isOfLedger, ...given }: GivenKey): Signer | undefined {
  const { origin, defaultOrigin } = given
  const signer = givenKey(given, origin ?? defaultOrigin)
  return signer && isOfLedger ? renamedSigner(signer, origin ?? defaultOrigin) : signer
}

/**
 * Returns the signer that an option gives, or the environment, under its own name.
 *
 * @param origin - name of a key that has none
 * @throws AuditLogError `AUDIT_KEY_INVALID`
 */
export function givenKey(
  { signer, signingKey }: Pick<SigningKeyChoice, 'signer' | 'signingKey'>,
  origin: string,
): Signer | undefined {
  if (signer === false) return undefined
  if (signer) return signer
  const key = signingKey ?? process.env[SIGNING_KEY_VARIABLE]
  if (!key) return undefined
  return signerOfKey(key, origin, signingKey === undefined ? SIGNING_KEY_VARIABLE : 'signingKey')
}

type GivenKey = Pick<SigningKeyChoice, 'signer' | 'signingKey' | 'origin' | 'defaultOrigin' | 'isOfLedger'>

async function ownSignerFor(
  directory: string,
  { origin, defaultOrigin, current, report }: SigningKeyChoice,
): Promise<Signer | undefined> {
  const own = await ownSigner(directory, report)
  const [first] = current
  if (!first) return own ?? (await ownOrNewSigner(directory, origin ?? defaultOrigin, report))
  if (own && isOneOf(current, own)) return own
  report(
    new AuditLogError(
      'AUDIT_KEY_UNKNOWN',
      `The audit log ${directory} is signed by ${nameOf(first)}, a key that is not at hand: until it is given as signer or ` +
        'signingKey, or another one that is to take its place, there are no new checkpoints',
    ),
  )
  return undefined
}

/** An environment often holds the lines of a PEM apart by `\n` in two characters. */
function signerOfKey(key: string, origin: string, source: string): Signer {
  try {
    if (key.trimStart().startsWith('PRIVATE+KEY+')) return Ed25519Signer.fromSkey(key.trim())
    return Ed25519Signer.fromPem(origin, key.replaceAll('\\n', '\n'))
  } catch (problem) {
    throw invalidKey(source, problem)
  }
}
