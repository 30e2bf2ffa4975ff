import { parseCheckpoint, parseNote, verifierFromVkey } from '../checkpoint/index.js'
import { AuditLogError } from '../events/errors.js'
import { rejectUnknownOptions, wholeNumberOption } from '../events/options.js'
import { sameHash } from '../tree/index.js'
import { Problems } from './problems.js'
import type { ReportedCheckpoint, VerifyReport } from './report.js'
import type { Inspection, KeptCheckpoint, LogSource, LogStatement, VerifyProgress } from './source.js'
import { type Signed, TrustedKeys } from './trusted-keys.js'

/** What is known of a log from elsewhere, and how it is to be verified. */
export interface VerifyOptions {
  /**
   * Keys that are trusted (vkeys). Keys to which they handed over in the log are trusted from there on.
   *
   * @defaultValue the key that lies beside the log, which proves nothing against whoever can write there
   */
  readonly vkeys?: readonly string[]
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
   * How many threads to use, 1 to 64.
   *
   * @defaultValue one for each core; 1 for small logs and where the code was bundled into one file
   */
  readonly threads?: number
  /** Told how far it has come, many times. */
  readonly onProgress?: (progress: VerifyProgress) => void
  /** Ends the verifying: it rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

const KNOWN: Record<keyof VerifyOptions, true> = {
  vkeys: true,
  checkpoints: true,
  origin: true,
  threads: true,
  onProgress: true,
  signal: true,
}
const OF = 'verify'
const MAX_THREADS = 64

/** @throws TypeError naming an unknown or malformed option */
export function checkVerifyOptions(options: VerifyOptions): void {
  rejectUnknownOptions(OF, options, Object.keys(KNOWN))
  for (const [name, texts] of Object.entries({ vkeys: options.vkeys, checkpoints: options.checkpoints })) {
    if (texts === undefined) continue
    if (!Array.isArray(texts) || texts.some((text) => typeof text !== 'string')) {
      throw new TypeError(`${OF}: ${name} must be an array of strings`)
    }
  }
  if (options.origin !== undefined && typeof options.origin !== 'string') {
    throw new TypeError(`${OF}: origin must be a string`)
  }
  if (options.onProgress !== undefined && typeof options.onProgress !== 'function') {
    throw new TypeError(`${OF}: onProgress must be a function`)
  }
  if (options.threads !== undefined) {
    wholeNumberOption(OF, 'threads', options.threads, { fallback: 1, min: 1, max: MAX_THREADS })
  }
}

/**
 * Verifies a log against what is known of it: recomputes every leaf hash and the root from the entries, compares all that
 * the log keeps beside them, verifies the signatures of its checkpoints, and that it continues those that were kept elsewhere.
 * It only reads.
 *
 * @throws AuditLogError `AUDIT_KEY_INVALID` when a key is malformed
 * @throws TypeError naming an unknown or malformed option
 */
export async function verifyLog(source: LogSource, options: VerifyOptions = {}): Promise<VerifyReport> {
  checkVerifyOptions(options)
  const vkeys = options.vkeys ?? (source.vkey === undefined ? [] : [source.vkey])
  const origin = options.origin ?? (vkeys[0] === undefined ? undefined : verifierFromVkey(vkeys[0]).name)
  const problems = new Problems()
  const outside = (options.checkpoints ?? []).map((note) => ({ source: 'a checkpoint kept elsewhere', note }))
  const stated = readCheckpoints([...source.checkpoints, ...outside], origin, problems)
  const inspection = await source.inspect({
    sizes: stated.map(({ size }) => Number(size)).sort((one, other) => one - other),
    threads: options.threads,
    onProgress: options.onProgress ?? (() => {}),
    signal: options.signal,
  })
  const statements = inspection.statements.filter(isOwn(origin, source))
  const keys = new TrustedKeys(vkeys, origin ?? '', statements)
  const compared = stated.map((checkpoint) => compare(checkpoint, inspection, keys))
  const provenSize = Math.max(0, ...compared.filter(isProof).map(({ size }) => size))

  addCheckpointProblems(problems, compared, { size: inspection.size, statements }, provenSize)
  if (source.missingCheckpoint !== undefined) {
    const message = `${source.missingCheckpoint} is gone, and there was one: it may have covered more`
    problems.add('truncated', 'checkpoint_missing', message)
  }
  addMissingEnd(problems, source.statedSize, inspection.size)
  problems.addFindings(inspection.findings, provenSize)
  for (const { seq, reason } of keys.unproven) {
    const message = `entry ${seq} says that another key signs from there on, but ${reason}`
    problems.add('unknown_key', 'key_change_unproven', message, { entries: [{ from: seq, to: seq + 1 }] })
  }
  if (source.checkpoints.length + outside.length === 0) {
    problems.add('unknown_key', 'checkpoint_missing', 'there is no checkpoint: nothing says what the log should be')
  }
  const droppedEvents = addStatementProblems(problems, statements)
  const root = inspection.rootAt(inspection.size)
  return {
    status: problems.status,
    location: source.location,
    size: inspection.size,
    root: root && Buffer.from(root).toString('base64'),
    provenSize,
    trustedKeys: vkeys,
    checkpoints: compared.map(({ source, size, signed, holds }): ReportedCheckpoint => {
      return { source, size, signedBy: signed.by, holds: holds === true }
    }),
    droppedEvents,
    problems: problems.all,
  }
}

/**
 * Tells the statements of the log itself from those of other logs, which were carried over and have no authority here.
 * Where the log's name is not known, all count: none that the log made is left out.
 */
function isOwn(origin: string | undefined, { defaultOrigin }: LogSource): (statement: LogStatement) => boolean {
  if (origin === undefined) return () => true
  return ({ statementOf }) => statementOf === origin || statementOf === defaultOrigin
}

interface StatedCheckpoint extends KeptCheckpoint {
  readonly size: bigint
  readonly root: Uint8Array
}

interface ComparedCheckpoint extends Omit<StatedCheckpoint, 'size'> {
  readonly size: number
  readonly signed: Signed
  /** Whether the entries have its root; `undefined` when they cannot tell, because there are too few. */
  readonly holds: boolean | undefined
}

function isProof({ signed, holds }: ComparedCheckpoint): boolean {
  return signed.by !== undefined && holds === true
}

function readCheckpoints(
  kept: readonly KeptCheckpoint[],
  origin: string | undefined,
  problems: Problems,
): readonly StatedCheckpoint[] {
  const read: StatedCheckpoint[] = []
  for (const { source, note } of kept) {
    try {
      const { size, root, origin: stated } = parseCheckpoint(parseNote(note).text)
      if (origin === undefined || stated === origin) read.push({ source, note, size, root })
      else problems.add('unknown_key', 'key_unknown', `${source} is of the log '${stated}', not of '${origin}'`)
    } catch (error) {
      if (!(error instanceof AuditLogError)) throw error
      problems.add('altered', 'checkpoint_altered', `${source} is malformed: ${error.message}`)
    }
  }
  return read
}

function compare(checkpoint: StatedCheckpoint, inspection: Inspection, keys: TrustedKeys): ComparedCheckpoint {
  const size = Number(checkpoint.size)
  const root = inspection.rootAt(size)
  const holds = root ? sameHash(root, checkpoint.root) : size > inspection.size ? undefined : false
  return { ...checkpoint, size, holds, signed: keys.whoSigned(checkpoint.note, checkpoint.size) }
}

function addCheckpointProblems(
  problems: Problems,
  compared: readonly ComparedCheckpoint[],
  { size, statements }: Pick<Inspection, 'size' | 'statements'>,
  provenSize: number,
): void {
  const rolledBackTo = statements.filter(({ type }) => type === 'audit_log_diverged').map(({ seq }) => seq)
  for (const { source, signed, holds, size: covered } of compared) {
    if (signed.by === undefined) {
      // What nobody trusted signed tells nothing of the entries.
      if (signed.isWrong) problems.add('altered', 'checkpoint_altered', `${source} was altered: ${signed.reason}`)
      else problems.add('unknown_key', 'key_unknown', `${source}: ${signed.reason}`)
    } else if (holds === undefined) {
      const entries = [{ from: size, to: covered }]
      const message = `${source} covers ${covered} entries, of which the last ${covered - size} are not there`
      problems.add('truncated', 'truncated', message, { count: covered - size, entries })
    } else if (!holds) {
      const explained = rolledBackTo.find((seq) => seq < covered)
      const from = Math.min(provenSize, covered)
      if (explained === undefined) {
        const message = `${source} has another root than the first ${covered} entries`
        problems.add('altered', 'root_mismatch', message, { entries: [{ from, to: covered }] })
      } else {
        const message = `${source} covers entries that are gone: the log was rolled back before entry ${explained}`
        problems.add('truncated', 'rolled_back', message, { entries: [{ from: explained, to: covered }] })
      }
    }
  }
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

/** What the log says of itself. @returns how many events could not be recorded */
function addStatementProblems(problems: Problems, statements: readonly LogStatement[]): number {
  const entries = (of: readonly LogStatement[]) => of.slice(0, 100).map(({ seq }) => ({ from: seq, to: seq + 1 }))
  const diverged = statements.filter(({ type }) => type === 'audit_log_diverged')
  if (diverged.length > 0) {
    const message = `the log was opened though it did not continue what was known of it, by entry ${diverged[0]?.seq}`
    problems.add('truncated', 'rolled_back', message, { count: diverged.length, entries: entries(diverged) })
  }
  const dropped = statements.filter(({ type }) => type === 'events_dropped')
  const count = dropped.reduce((sum, { data }) => sum + droppedBy(data), 0)
  if (dropped.length > 0) {
    const message = `${count} events could not be recorded, as ${dropped.length} entries say`
    problems.add('incomplete', 'events_dropped', message, { count, entries: entries(dropped) })
  }
  return count
}

/** How many events an `events_dropped` tells of. @param data - of the event */
export function droppedBy(data: unknown): number {
  const { count } = (data ?? {}) as { readonly count?: unknown }
  return Number.isSafeInteger(count) ? (count as number) : 0
}
