import type { Signer } from '../../checkpoint/index.js'
import type { AuditStore } from '../../store/contract.js'
import { type Divergence, divergenceError, forgeryOf } from '../checkpoints/continuity.js'
import { divergenceFromWitnesses, provesMore } from '../checkpoints/external-checkpoints.js'
import {
  assertOneOrigin,
  divergenceOf,
  type KnownLog,
  originOf,
  statedSizes,
} from '../checkpoints/known-checkpoints.js'
import { viewOf, viewWith } from '../checkpoints/log-view.js'
import { chooseSigner, originFor, type SigningKeyChoice, signerAtHand } from '../checkpoints/signing-key.js'
import { currentKeys, type SigningKey } from '../checkpoints/signing-keys.js'
import type { JournalDamagePolicy } from '../journal/journal-gaps.js'
import type { JournalKey } from '../journal/journal-key.js'
import { JournalReplay, type JournalReplayOptions } from '../journal/journal-replay.js'
import { hasUncommittedSegments, replayOptions } from './journal-recovery.js'
import { type KnownLogOptions, namingOf, previousOf, readKnownLog } from './known-log.js'

export interface ComparisonOptions extends KnownLogOptions {
  readonly damagedJournal: JournalDamagePolicy
  readonly journalKey: JournalKey | undefined
  readonly report: (problem: Error) => void
}

/** A log as it is found, and all that is known of it. */
export interface FoundLog {
  readonly known: KnownLog
  /** Decides over the log's key, together with the keys that signed it. */
  readonly naming: Omit<SigningKeyChoice, 'current'>
  /** Name of the log. */
  readonly origin: string
  /** The log was closed in order, and nothing proves that it went on since. */
  readonly wasClosed: boolean
  /** The options by which its journal is read; `undefined` for a log that has none. */
  readonly replaying: JournalReplayOptions | undefined
  /** Sizes of the log that something states and that the store does not reach: the journal has what is missing. */
  readonly sizesBeyond: readonly number[]
}

/** The keys of a log, and in what it does not continue what is known of it. */
export interface ComparedLog {
  /** `undefined` where the log continues all that is known of it. */
  readonly divergence: Divergence | undefined
  /** The keys that signed the newest checkpoint. */
  readonly current: readonly SigningKey[]
  /** Signs the log's checkpoints; `undefined` when nothing does. */
  readonly signer: Signer | undefined
  /** The key that the application has given as the one before. */
  readonly previousSigner: Signer | undefined
}

/**
 * Reads all that is known of a log. Writes nothing but a key of its own for a log that has none.
 *
 * @throws AuditLogError `AUDIT_ORIGIN_MISMATCH`, `AUDIT_KEY_INVALID`; what the file system throws
 */
export async function findLog(options: ComparisonOptions): Promise<FoundLog> {
  const { store, directory } = options
  const { known, outside } = await readKnownLog(options)
  assertOneOrigin(outside, known.newest)
  const naming = namingOf(options, originOf(known.newest))
  const origin = await originFor(originOf(known.newest), naming)
  // A close is out of date where the log's own key signed more; the journal can tell what, if it is still there.
  const isOutdated =
    hasUncommittedSegments(store, directory) && provesMore(known.published, store, await signerAtHand(naming))
  const wasClosed = store.closedInOrder && !isOutdated
  const replaying = directory === undefined ? undefined : replayOptions(directory, wasClosed, options)
  const sizesBeyond = statedSizes(known).filter((size) => size > store.size)
  return { known, naming, origin, wasClosed, replaying, sizesBeyond }
}

/**
 * Compares a log, including what its journal has, with all that is known of it, and chooses the key that signs it. Nothing
 * is committed.
 *
 * @throws AuditLogError `AUDIT_LOG_CORRUPT`, `AUDIT_LOG_ROLLED_BACK`, `AUDIT_FORMAT_UNSUPPORTED`, `AUDIT_KEY_INVALID`
 */
export async function compareWithKnown(found: FoundLog, options: ComparisonOptions): Promise<ComparedLog> {
  const { store } = options
  const { known, naming, origin, replaying, sizesBeyond } = found
  const { newest } = known
  const expected =
    replaying && sizesBeyond.length > 0
      ? await viewWith(new JournalReplay(replaying), store, sizesBeyond)
      : viewOf(store)
  let divergence =
    (await divergenceOf(known, store, expected)) ?? (await divergenceFromWitnesses({ ...options, newest }))
  refuse(divergence, options)
  const current = await currentKeys(newest, store)
  const signer = await chooseSigner({ ...naming, current })
  const previousSigner = previousOf(options, origin)
  divergence ??= forgery(known, [signer, previousSigner])
  refuse(divergence, options)
  return { divergence, current, signer, previousSigner }
}

/**
 * Compares a log again once its journal is committed: an id of a caller, or a gap, may have left open which positions the
 * entries get.
 *
 * @throws AuditLogError `AUDIT_LOG_CORRUPT`, `AUDIT_LOG_ROLLED_BACK`
 */
export async function compareCommitted(
  { known, sizesBeyond }: FoundLog,
  options: ComparisonOptions,
): Promise<Divergence | undefined> {
  const { store } = options
  if (sizesBeyond.length === 0) return undefined
  const divergence = await divergenceOf(known, store, viewOf(store))
  refuse(divergence, options)
  return divergence
}

/** @throws AuditLogError unless such a log is to be opened nevertheless */
function refuse(
  found: Divergence | undefined,
  { divergence, store }: Pick<ComparisonOptions, 'divergence'> & { readonly store: AuditStore },
): void {
  if (found && divergence === 'refuse') throw divergenceError(found, store.location)
}

/** Signatures are verified last: which key is at hand depends on what the checkpoints say. */
function forgery({ sources }: KnownLog, keys: readonly (Signer | undefined)[]): Divergence | undefined {
  const signers = keys.filter((each) => each !== undefined)
  for (const source of sources) {
    const found = forgeryOf(source, signers)
    if (found) return found
  }
  return undefined
}
