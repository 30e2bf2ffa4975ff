import { chmod, lstat } from 'node:fs/promises'
import { join } from 'node:path'
import { Ed25519Signer, type Signer } from '../../checkpoint/index.js'
import { AuditLogError } from '../../events/errors.js'
import { readRegularFile } from '../../files/regular-file.js'
import { makeDirectory } from '../../store/directory.js'
import type { ResolvedCheckpointOptions } from './options.js'
import { replaceFile } from './replace-file.js'
import { isOneOf, nameOf, type SigningKey } from './signing-keys.js'

/** Overrides nothing that an option says; see `AuditLogOptions.signingKey` for its form. */
const SIGNING_KEY_VARIABLE = 'SPANLEDGER_SIGNING_KEY'
/** A key has some hundred bytes, most of which is its name. */
const MAX_KEY_BYTES = 64 * 1024

export interface SigningKeyChoice extends Pick<ResolvedCheckpointOptions, 'signer' | 'signingKey' | 'origin'> {
  /** Of the log; without one no key is generated. */
  readonly directory: string | undefined
  /** Name of a log that nobody has named. */
  readonly defaultOrigin: string
  /** Which keys sign the log: none for one without checkpoints. */
  readonly current: readonly SigningKey[]
  readonly onProblem: (problem: Error) => void
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
  choice: Omit<SigningKeyChoice, 'current' | 'onProblem'>,
): Promise<string> {
  const { origin, defaultOrigin } = choice
  if (stated !== undefined) return stated
  const signer = choice.signer === false ? undefined : await signerAtHand(choice)
  return signer?.name ?? origin ?? defaultOrigin
}

/** Returns the key that is given, or else the one that was generated for the log, if it is there. */
export async function signerAtHand(
  choice: Omit<SigningKeyChoice, 'current' | 'onProblem'>,
): Promise<Signer | undefined> {
  const { directory } = choice
  const given = choice.signer === false ? undefined : givenSigner({ ...choice, signer: choice.signer })
  return given ?? (directory === undefined ? undefined : await ownSigner(directory, () => {}))
}

/** The signer that an option gives, or the environment. */
function givenSigner({ signer, signingKey, origin, defaultOrigin }: GivenKey): Signer | undefined {
  if (signer) return signer
  const key = signingKey ?? process.env[SIGNING_KEY_VARIABLE]
  if (!key) return undefined
  return signerOfKey(key, origin ?? defaultOrigin, signingKey === undefined ? SIGNING_KEY_VARIABLE : 'signingKey')
}

type GivenKey = Pick<SigningKeyChoice, 'signer' | 'signingKey' | 'origin' | 'defaultOrigin'>

async function ownSignerFor(
  directory: string,
  { origin, defaultOrigin, current, onProblem }: SigningKeyChoice,
): Promise<Signer | undefined> {
  const own = await ownSigner(directory, onProblem)
  const [first] = current
  if (!first) return own ?? (await generateOwnSigner(directory, origin ?? defaultOrigin))
  if (own && isOneOf(current, own)) return own
  onProblem(
    new AuditLogError(
      'AUDIT_KEY_UNKNOWN',
      `The audit log ${directory} is signed by ${nameOf(first)}, a key that is not at hand: until it is given as signer or ` +
        'signingKey, or another one that is to take its place, there are no new checkpoints',
    ),
  )
  return undefined
}

/**
 * The key that was generated for the log in a directory, if it is there.
 *
 * @throws AuditLogError `AUDIT_KEY_INVALID`
 */
export async function ownSigner(
  directory: string,
  onProblem: (problem: Error) => void,
): Promise<Ed25519Signer | undefined> {
  const path = join(directory, 'keys', 'signing.key')
  try {
    const skey = (await readRegularFile(path, MAX_KEY_BYTES)).toString()
    if (process.platform !== 'win32' && ((await lstat(path)).mode & 0o077) !== 0) {
      onProblem(new Error(`Others than its owner can read ${path}, the key that signs this audit log`))
      // Whoever opens a log to a group by its directory does not mean the key.
      await chmod(path, 0o600).catch(() => undefined)
    }
    return Ed25519Signer.fromSkey(skey.trim())
  } catch (problem) {
    if ((problem as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw invalidKey(path, problem)
  }
}

/** The public key goes beside it, for those who verify. */
async function generateOwnSigner(directory: string, origin: string): Promise<Signer> {
  const signer = Ed25519Signer.generate(origin)
  const keys = join(directory, 'keys')
  await makeDirectory(keys)
  await replaceFile(join(keys, 'signing.vkey'), `${signer.vkey}\n`)
  await replaceFile(join(keys, 'signing.key'), `${signer.exportSkey()}\n`)
  return signer
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

/** Says which key it is; the key itself is in no message. */
function invalidKey(source: string, problem: unknown): unknown {
  if (!(problem instanceof AuditLogError)) return problem
  return new AuditLogError(problem.code, `${source}: ${problem.message}`, { cause: problem })
}
