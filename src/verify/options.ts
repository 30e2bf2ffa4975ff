import { rejectUnknownOptions, wholeNumberOption } from '../events/options.js'
import type { VerifyProgress } from './source.js'

/**
 * The trust policy of a verification, and its settings:
 *
 *     {
 *       logKeys: ['example.org/log+4b2f1e7a+AZx…'],                 the log's checkpoints must be signed by one of these,
 *       checkpoints: [await readFile('last-month.txt', 'utf8')],    the log must continue this one,
 *       witnessKeys: ['witness.example+17c3d0aa+BOq…'],             a checkpoint that this witness cosigned counts likewise,
 *       strict: true,                                               and all but the newest entries must be proved so
 *     }
 */
export interface VerifyOptions {
  /**
   * Keys of the log that are trusted (vkeys). Keys to which they handed over in the log are trusted from there on.
   *
   * @defaultValue the key that lies beside the log, which proves nothing against whoever can write there
   */
  readonly logKeys?: readonly string[]
  /**
   * Checkpoints that were kept elsewhere: signed notes. The log must continue each of them.
   *
   * @defaultValue none
   */
  readonly checkpoints?: readonly string[]
  /**
   * The log's name in its checkpoints.
   *
   * @defaultValue the name of the first key
   */
  readonly origin?: string
  /**
   * Keys of witnesses that are trusted (logKeys of signature type 0x04). A checkpoint that enough of them cosigned counts
   * as much as one that was kept elsewhere.
   *
   * @defaultValue none
   */
  readonly witnessKeys?: readonly string[]
  /**
   * The number of witnesses that must have cosigned a checkpoint, 1 to the number of `witnessKeys`.
   *
   * @defaultValue 1
   */
  readonly witnessQuorum?: number
  /**
   * Asks for a proof that does not rest on the log alone. The status is `unproven` where an entry older than two
   * checkpoint intervals is not covered, where the key was taken from the log itself, where no checkpoint kept elsewhere
   * and no witness vouches for the log, and where events were taken over after a crash that nothing outside attests.
   *
   * @defaultValue `false`
   */
  readonly strict?: boolean
  /**
   * Milliseconds between two checkpoints of the log, as its option `checkpointIntervalMillis` says; for `strict`.
   * 0 to 2^31 - 1.
   *
   * @defaultValue 1,000
   */
  readonly checkpointIntervalMillis?: number
  /**
   * The clock by which the age of entries is judged: milliseconds since the Unix epoch; for `strict`.
   *
   * @defaultValue the time when the log was opened to be read
   */
  readonly now?: () => number
  /**
   * The number of threads to use, 1 to 64.
   *
   * @defaultValue one for each core; 1 for small logs and where the code was bundled into one file
   */
  readonly threads?: number
  /**
   * Leaves out the index, which follows from the entries: it says nothing of whether these were altered, and takes about as
   * long as they do.
   *
   * @defaultValue `false`
   */
  readonly entriesOnly?: boolean
  /** Receives the progress, many times. */
  readonly onProgress?: (progress: VerifyProgress) => void
  /** Ends the verifying: it rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

const KNOWN: Record<keyof VerifyOptions, true> = {
  logKeys: true,
  checkpoints: true,
  origin: true,
  witnessKeys: true,
  witnessQuorum: true,
  strict: true,
  checkpointIntervalMillis: true,
  now: true,
  threads: true,
  entriesOnly: true,
  onProgress: true,
  signal: true,
}
const OF = 'verify'
const MAX_THREADS = 64
const DEFAULT_INTERVAL_MILLIS = 1_000
const MAX_INTERVAL_MILLIS = 2 ** 31 - 1

/** {@link VerifyOptions} that are numbers, once checked. */
export interface ResolvedNumbers {
  readonly checkpointIntervalMillis: number
  readonly witnessQuorum: number
}

/**
 * Checks all options, and returns those that are numbers.
 *
 * @throws TypeError naming an unknown or malformed option
 */
export function resolveVerifyOptions(options: VerifyOptions): ResolvedNumbers {
  rejectUnknownOptions(OF, options, Object.keys(KNOWN), { vkeys: 'logKeys' })
  const { logKeys, checkpoints, witnessKeys } = options
  for (const [name, texts] of Object.entries({ logKeys, checkpoints, witnessKeys })) {
    if (texts === undefined) continue
    if (!Array.isArray(texts) || texts.some((text) => typeof text !== 'string')) {
      throw new TypeError(`${OF}: ${name} must be an array of strings`)
    }
  }
  requireType(options, 'origin', 'string')
  requireType(options, 'strict', 'boolean')
  requireType(options, 'entriesOnly', 'boolean')
  requireType(options, 'onProgress', 'function')
  requireType(options, 'now', 'function')
  if (options.threads !== undefined) {
    wholeNumberOption(OF, 'threads', options.threads, { fallback: 1, min: 1, max: MAX_THREADS })
  }
  const quorum = { fallback: 1, min: 1, max: Math.max(1, witnessKeys?.length ?? 0) }
  const interval = { fallback: DEFAULT_INTERVAL_MILLIS, min: 0, max: MAX_INTERVAL_MILLIS }
  return {
    checkpointIntervalMillis: wholeNumberOption(
      OF,
      'checkpointIntervalMillis',
      options.checkpointIntervalMillis,
      interval,
    ),
    witnessQuorum: wholeNumberOption(OF, 'witnessQuorum', options.witnessQuorum, quorum),
  }
}

function requireType(options: VerifyOptions, name: keyof VerifyOptions, type: 'string' | 'boolean' | 'function'): void {
  if (options[name] === undefined || typeof options[name] === type) return
  throw new TypeError(`${OF}: ${name} must be a ${type}`)
}
