import { resolve } from 'node:path'
import type { ContentKeys } from '../content/contract.js'
import { fileKeysOf } from '../content/keys/options.js'
import { AuditLogError } from '../events/errors.js'
import { IndexComparison } from '../inspection/compare-indexes.js'
import { DirectorySource } from '../inspection/directory-source.js'
import { openLogTree } from '../inspection/log-tree.js'
import { countStaged, type LogDirectory, ledgerOf } from '../ledger/log-directories.js'
import { defaultOrigin } from '../store/log-id.js'
import type { ReadableStore } from '../store/readable.js'
import { sameHash } from '../tree/index.js'
import { compareLeaves, compareUpperTiles } from '../verify/compare-tiles.js'
import { Findings } from '../verify/findings.js'
import type { LeafBlock } from '../verify/leaf-block.js'
import type { LedgerLog } from '../verify/ledger/ledger.js'
import { verifyLedger } from '../verify/ledger/verify-ledger.js'
import { resolveVerifyOptions, type VerifyOptions } from '../verify/options.js'
import { byGravity } from '../verify/problems.js'
import { readFailure } from '../verify/read-failure.js'
import type { LedgerReport, VerifyReport } from '../verify/report.js'
import { type EntryChunk, scanEntries } from '../verify/scan-entries.js'
import type { FoundCheckpoint, Inspection, InspectionRequest, LogSource } from '../verify/source.js'
import type { TakenFromLog } from '../verify/trust-policy.js'
import { verifySource } from '../verify/verify-log.js'
import { existingLogs } from './existing-logs.js'

/**
 * Verifies the log in a directory, also while a process writes it.
 *
 * @param taken - what of the options comes from the log itself
 * @param contentKeys - the keys of its content; without them it is looked at from outside
 */
export async function verifyDirectory(
  directory: string,
  options: VerifyOptions = {},
  taken: TakenFromLog = {},
  contentKeys?: ContentKeys,
): Promise<VerifyReport> {
  resolveVerifyOptions(options)
  const source = await DirectorySource.open(directory, { entriesOnly: options.entriesOnly, contentKeys })
  try {
    return (await verifySource(source, options, { taken })).report
  } finally {
    await source.close()
  }
}

/** Settings of {@link verifyLedgerDirectory} that are not the user's. */
export interface LedgerVerifying {
  /** The options that come from the ledger itself. */
  readonly taken?: TakenFromLog
  /** Told of the directory of each log whose files LevelDB is about to read. */
  readonly onReading?: (directory: string) => void
  /** The keys of content; `undefined` to look at it from outside. @defaultValue those of the ledger, where they can be read */
  readonly contentKeys?: (() => ContentKeys | undefined) | undefined
}

/**
 * Verifies the logs in a directory: a single log, or all those of a ledger, also while processes write them.
 *
 * @returns the report of the log where there is one; problems of the ledger, such as a sibling that is missing, are among
 * its own then
 * @throws AuditLogError `AUDIT_OPEN_FAILED` when there is no log; `AUDIT_READ_FAILED`, `AUDIT_FILE_REFUSED`,
 * `AUDIT_FORMAT_UNSUPPORTED`, `AUDIT_KEY_INVALID`
 */
export async function verifyLedgerDirectory(
  directory: string,
  options: VerifyOptions = {},
  { taken = {}, onReading = () => {}, ...given }: LedgerVerifying = {},
): Promise<VerifyReport | LedgerReport> {
  resolveVerifyOptions(options)
  const location = resolve(directory)
  const contentKeys = given.contentKeys
    ? given.contentKeys()
    : fileKeysOf({}, { of: 'verify', location: ledgerOf(location), use: 'reading' })
  const logs: LedgerLog[] = []
  for (const { number, path } of await directoriesOfLogs(location)) {
    const open = async () => {
      onReading(path)
      return await DirectorySource.open(path, { entriesOnly: options.entriesOnly, contentKeys })
    }
    const openTree = async () => {
      onReading(path)
      return await openLogTree(path)
    }
    logs.push({ number, open, openTree })
  }
  if (logs.length === 0) {
    const yet = (await countStaged(location)) > 0 ? ' yet: what processes recorded waits in staging/ for one' : ''
    throw new AuditLogError('AUDIT_OPEN_FAILED', `There is no audit log in ${location}${yet}`)
  }
  const ledger = await verifyLedger({ location, logs, taken }, options)
  const [first, ...more] = ledger.logs
  if (first?.log !== 0 || more.length > 0) return ledger
  const { log: _, ...report } = first
  const problems = byGravity([...report.problems, ...ledger.problems])
  return { ...report, status: ledger.status, problems }
}

async function directoriesOfLogs(location: string): Promise<readonly LogDirectory[]> {
  try {
    return await existingLogs(location)
  } catch (error) {
    throw readFailure(error, location)
  }
}

/** Verifies what a store gives: its entries, its tree, its checkpoint, and its indexes where it shows them. */
export async function verifyStore(
  store: ReadableStore,
  options: VerifyOptions = {},
  taken: TakenFromLog = {},
): Promise<VerifyReport> {
  return (await verifySource(new StoreSource(store), options, { taken })).report
}

/** Entries that are read one by one where a walk over them finds one missing. */
const SEARCHED_LENGTH = 256

class StoreSource implements LogSource {
  readonly location: string
  readonly openedAt: number = Date.now()
  readonly checkpoints: readonly FoundCheckpoint[]
  readonly vkey = undefined
  readonly defaultOrigin: string
  readonly statedSize = undefined
  readonly missingCheckpoint = undefined
  readonly #store: ReadableStore

  constructor(store: ReadableStore) {
    this.#store = store
    this.location = store.location
    this.defaultOrigin = defaultOrigin(store.id)
    const { checkpoint: note } = store
    this.checkpoints = note === undefined ? [] : [{ source: 'the checkpoint in the store', note }]
  }

  async inspect(request: InspectionRequest): Promise<Inspection> {
    const indexes = request.entriesOnly ? undefined : this.#store.indexes?.()
    const end = await indexes?.end()
    const { size, root } = end ?? this.#store
    const findings = new Findings()
    const compared = indexes && end && new IndexComparison({ store: this.#store, indexes, end, findings })
    const comparison = { tiles: this.#store, size, findings }
    const compareBlock = (block: LeafBlock) => compareLeaves(comparison, block)
    const chunks = this.#chunks(size, compared)
    const { roots, ...scanned } = await scanEntries(chunks, { size, request, findings, compareBlock })
    await compareUpperTiles(comparison)
    await compared?.finish()
    const computed = roots.rootAt(size)
    if (computed && !sameHash(computed, root))
      findings.add('head_altered', 'the store has another root than its entries')
    return { ...scanned, size, rootAt: (at) => roots.rootAt(at), findings: findings.all }
  }

  async close(): Promise<void> {}

  /** All entries that there are: those behind a missing one, too. */
  async *#chunks(size: number, compared: IndexComparison | undefined): AsyncGenerator<EntryChunk> {
    for (let from = 0; from < size; ) {
      try {
        for await (const chunk of this.#walk(from, size)) {
          yield chunk
          await compared?.add(chunk)
          from = chunk.from + chunk.entries.length
        }
        return
      } catch (error) {
        if (!isDamage(error)) throw error
      }
      for (const end = Math.min(size, from + SEARCHED_LENGTH); from < end; from++) {
        try {
          for await (const chunk of this.#walk(from, from + 1)) {
            yield chunk
            await compared?.add(chunk)
          }
        } catch (error) {
          if (!isDamage(error)) throw error
        }
      }
    }
  }

  async *#walk(from: number, to: number): AsyncGenerator<EntryChunk> {
    let next = from
    for await (const entries of this.#store.entries({ from, to, reverse: false })) {
      const [first] = entries
      if (!first) continue
      yield* this.#removed(next, first.seq)
      next = first.seq
      let chunk: Uint8Array[] = []
      for (const { seq, bytes } of entries) {
        if (seq !== next + chunk.length) {
          yield { from: next, entries: chunk }
          yield* this.#removed(next + chunk.length, seq)
          next = seq
          chunk = []
        }
        chunk.push(bytes)
      }
      yield { from: next, entries: chunk }
      next += chunk.length
    }
    yield* this.#removed(next, to)
  }

  /** Takes the entries that an engine leaves out for removed ones; for missing ones where it has no removed entries. */
  *#removed(from: number, to: number): Generator<EntryChunk> {
    if (from < to && this.#store.removedEntries) yield { from, entries: new Array<Uint8Array>(to - from).fill(REMOVED) }
  }
}

const REMOVED = new Uint8Array()

function isDamage(error: unknown): boolean {
  return error instanceof AuditLogError && error.code === 'AUDIT_LOG_CORRUPT'
}
