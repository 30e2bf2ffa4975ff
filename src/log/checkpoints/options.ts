import { resolve } from 'node:path'
import { hexKeyId, isKeyName, type Signer } from '../../checkpoint/index.js'
import { requireOneOf, wholeNumberOption } from '../../events/options.js'
import type { CheckpointPublisher } from './checkpointer.js'

/** The reaction to a log that does not continue its known checkpoints. */
export type DivergencePolicy = 'refuse' | 'record'

/** The options of `openAuditLog` about checkpoints. */
export interface CheckpointOptions {
  /**
   * The reaction to a log that does not continue what was known of it: one that was cut, rolled back to an earlier state
   * or replaced, as the files `head` and `checkpoint` beside the database or `knownCheckpoint` show. `refuse` makes opening
   * fail with `AUDIT_LOG_ROLLED_BACK` or `AUDIT_LOG_CORRUPT`. `record` records an `audit_log_diverged` event and goes on:
   * those who hold an older checkpoint will find out all the same.
   *
   * @defaultValue `refuse`
   */
  readonly divergence?: DivergencePolicy
  /**
   * A checkpoint of this log that was kept elsewhere (a signed note), several of them, or a function that fetches them:
   * opening compares the log with each before it commits or signs anything. What the function rejects with, opening
   * rejects with; it has `checkpointTimeoutMillis`. `AUDIT_ORIGIN_MISMATCH` for the checkpoint of another log.
   */
  readonly knownCheckpoint?: KnownCheckpoint | KnownCheckpointSource
  /**
   * Path of a file outside of the log's directory, best on another disk, that gets each checkpoint of the log, atomically
   * and fsynced: opening compares the log with it, so that a directory that was set back as a whole is noticed before
   * anything is committed or signed. Its folder is made if it is missing. One file for each log. `AUDIT_ORIGIN_MISMATCH`
   * when the file is that of another log. A log without a key has no checkpoints, and nothing to put there.
   *
   * @defaultValue none
   */
  readonly externalCheckpointFile?: string
  /**
   * Signs the log's checkpoints (C2SP tlog-checkpoint): its name is the log's origin. `false` leaves the log without new
   * checkpoints. See `Ed25519Signer`, and `externalSigner` for a key in a KMS.
   *
   * @defaultValue the key in `signingKey`; else a key generated for the log, in `keys/` below its directory, which whoever
   * can write to the directory can use as well. It takes the place of no other: a log that another key signs gets no new
   * checkpoints then, which is reported as a problem. A log in a store of your own has none either
   */
  readonly signer?: Signer | false
  /**
   * The Ed25519 key that signs the log's checkpoints: PKCS#8 PEM, or `PRIVATE+KEY+name+id+base64`.
   *
   * @defaultValue the environment variable `SPANLEDGER_SIGNING_KEY`, if it is set
   */
  readonly signingKey?: string
  /**
   * The key before, when the key is another than before. With its signature the change, recorded as
   * `signing_key_changed`, is proved by it; without, those who trust that key alone do not trust the new one.
   *
   * @defaultValue the key that was generated for the log, if it is that
   */
  readonly previousSigner?: Signer
  /**
   * The log's name in its checkpoints, unique among logs: by recommendation a URL without its scheme. Fixed by the log's
   * first checkpoint; a signer brings its own.
   *
   * @defaultValue `spanledger.local/` and 16 random hexadecimal digits
   */
  readonly origin?: string
  /**
   * Publishes each checkpoint where whoever can alter the log cannot alter it: on another host, in a ticket, with a
   * witness. What it throws is reported as a problem. If it answers with the same checkpoint and further signatures,
   * that takes the place of the checkpoint. Somebody who only wants to see checkpoints listens to `checkpoint`, see
   * `AuditLogOptions.on`.
   */
  readonly publishCheckpoint?: CheckpointPublisher
  /**
   * Milliseconds from one checkpoint to the next, at the least, while events are committed. 0 to 2^31 - 1. `close()` and
   * `checkpoint()` sign at once.
   *
   * @defaultValue 1,000
   */
  readonly checkpointIntervalMillis?: number
  /**
   * Milliseconds that the signer has for a checkpoint, and `publishCheckpoint` for its answer: past them, the checkpoint is
   * tried again later, or stands as it is. `close()` waits no longer for both; what is not signed by then, the next
   * opening signs. 1 to 2^31 - 1.
   *
   * @defaultValue 10,000
   */
  readonly checkpointTimeoutMillis?: number
}

/** Checkpoints that were kept elsewhere: signed notes. */
export type KnownCheckpoint = string | readonly string[]
/** Returns known checkpoints; `undefined` when there are none. */
export type KnownCheckpointSource = () => KnownCheckpoint | undefined | Promise<KnownCheckpoint | undefined>

/** The options as they are resolved at the call. The log decides which signer signs: see `chooseSigner`. */
export interface ResolvedCheckpointOptions {
  readonly divergence: DivergencePolicy
  readonly knownCheckpoint: KnownCheckpoint | KnownCheckpointSource | undefined
  /** Absolute. */
  readonly externalCheckpointFile: string | undefined
  readonly signer: Signer | false | undefined
  readonly signingKey: string | undefined
  readonly previousSigner: Signer | undefined
  readonly origin: string | undefined
  readonly publishCheckpoint: CheckpointPublisher | undefined
  readonly checkpointIntervalMillis: number
  readonly checkpointTimeoutMillis: number
}

export const CHECKPOINT_OPTIONS: Record<keyof CheckpointOptions, true> = {
  divergence: true,
  knownCheckpoint: true,
  externalCheckpointFile: true,
  signer: true,
  signingKey: true,
  previousSigner: true,
  origin: true,
  publishCheckpoint: true,
  checkpointIntervalMillis: true,
  checkpointTimeoutMillis: true,
}

/** @throws TypeError naming the option. */
export function resolveCheckpointOptions(of: string, options: CheckpointOptions): ResolvedCheckpointOptions {
  const { divergence = 'refuse', knownCheckpoint, externalCheckpointFile, signer, signingKey, previousSigner } = options
  const { origin, publishCheckpoint } = options
  requireOneOf(of, 'divergence', divergence, ['refuse', 'record'])
  for (const [name, text] of Object.entries({ externalCheckpointFile, signingKey, origin })) {
    if (text !== undefined && (typeof text !== 'string' || text === '')) {
      throw new TypeError(`${of}: ${name} must be a string that is not empty`)
    }
  }
  if (!isKnownCheckpoint(knownCheckpoint)) {
    throw new TypeError(`${of}: knownCheckpoint must be a signed note, a list of them, or a function that gives them`)
  }
  for (const [name, each] of Object.entries({ signer: signer || undefined, previousSigner })) {
    if (each !== undefined && !isSigner(each)) {
      throw new TypeError(
        `${of}: ${name} is no signer, which has a sign(), and a name and keyId that its vkey begins with`,
      )
    }
  }
  if (signer && signingKey !== undefined) throw new TypeError(`${of}: give signer or signingKey, not both`)
  if (signer && origin !== undefined && signer.name !== origin) {
    throw new TypeError(
      `${of}: origin is '${origin}', and the signer's name '${signer.name}': a log's key has the name of its origin`,
    )
  }
  if (publishCheckpoint !== undefined && typeof publishCheckpoint !== 'function') {
    throw new TypeError(`${of}: publishCheckpoint must be a function`)
  }
  return {
    divergence,
    knownCheckpoint,
    externalCheckpointFile: externalCheckpointFile === undefined ? undefined : resolve(externalCheckpointFile),
    signer,
    signingKey,
    previousSigner,
    origin,
    publishCheckpoint,
    checkpointIntervalMillis: wholeNumberOption(of, 'checkpointIntervalMillis', options.checkpointIntervalMillis, {
      fallback: 1_000,
      min: 0,
      max: 2 ** 31 - 1,
    }),
    checkpointTimeoutMillis: wholeNumberOption(of, 'checkpointTimeoutMillis', options.checkpointTimeoutMillis, {
      fallback: 10_000,
      min: 1,
      max: 2 ** 31 - 1,
    }),
  }
}

function isKnownCheckpoint(value: unknown): boolean {
  const texts = Array.isArray(value) ? value : [value]
  return typeof value === 'function' || value === undefined || texts.every((text) => typeof text === 'string' && text)
}

/** Checks what a signer states of itself, since that is in every checkpoint. */
function isSigner(value: Partial<Signer> | null): boolean {
  if (typeof value?.sign !== 'function' || typeof value.vkey !== 'string') return false
  const { name = '', keyId = -1, vkey } = value
  return isKeyName(name) && vkey.startsWith(`${name}+${hexKeyId(keyId)}+`)
}
