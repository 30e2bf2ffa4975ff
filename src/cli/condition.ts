import { lstat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { hexKeyId, parseCheckpoint, parseNote } from '../checkpoint/index.js'
import { AuditLogError } from '../events/errors.js'
import { filesBelow } from '../files/log-directory.js'
import { readRegularFile } from '../files/regular-file.js'
import { CheckpointFile } from '../log/checkpoints/checkpoint-file.js'
import { originOf } from '../log/checkpoints/known-checkpoints.js'
import { type PendingEvents, pendingEvents } from '../log/journal/pending.js'
import type { AuditLogReader } from '../reader/contract.js'
import { createReader } from '../reader/reader.js'
import type { SnapshotStore } from '../store/leveldb/snapshot-store.js'
import { defaultOrigin } from '../store/log-id.js'
import type { ReadableStore } from '../store/readable.js'
import { droppedBy } from '../verify/statements.js'
import { type ContentCondition, contentCondition, type PolicyCondition, policyCondition } from './content-condition.js'
import { findWriter, type WriterFound } from './find-writer.js'
import type { OpenedStore } from './store.js'

/** The condition of a log, as far as it shows without reading all of it. Plain JSON. */
export interface Condition extends Partial<DirectoryCondition>, PolicyCondition {
  /** Address of a log in a database, without credentials. */
  readonly store?: string
  readonly events: number
  /** `time` of the first event. */
  readonly firstEventAt: string | undefined
  readonly lastEventAt: string | undefined
  /** Events that could not be recorded, by the log's own account. */
  readonly droppedEvents: number
  /** Entries that say so (`events_dropped`). */
  readonly gaps: number
  /** There are more gaps than were read: more events were dropped than `droppedEvents`. */
  readonly isDroppedMinimum: boolean
  /** The file `checkpoint` and what the database has, that of the most events first; their signatures are not verified. */
  readonly checkpoints: readonly KeptCheckpoint[]
}

/** The condition of the files of a log in a directory. */
export interface DirectoryCondition extends DiskUse {
  readonly directory: string
  readonly formatVersion: string
  readonly writer: WriterFound
  readonly ending: Ending
  /** The events that the journal has and the database has not; left out where a writer changed the journal meanwhile. */
  readonly journal: PendingEvents | undefined
  /** The key that lies beside the log. */
  readonly vkey: string | undefined
  /** Its content; left out where there is none. */
  readonly content?: ContentCondition
}

/** `open`: it goes on. `in_order`: it was closed. `died`: it was not. `unknown`: it goes on, or was not closed. */
export type Ending = 'open' | 'in_order' | 'died' | 'unknown'

export interface KeptCheckpoint {
  readonly source: 'file' | 'database'
  /** Events that it covers; left out where it is malformed. */
  readonly size?: number
  /** Names and ids of the keys that signed it, those of witnesses among them. */
  readonly signedBy: readonly string[]
}

export interface DiskUse {
  readonly diskBytes: number
  readonly files: number
}

/** The most gaps whose events are counted: a log with more of them is known to be bad. */
const MAX_GAPS_READ = 10_000
const MAX_KEY_BYTES = 64 * 1024

/**
 * Changes nothing, and takes no longer for a larger log. That the store could be opened says that its parts fit together.
 *
 * @param isOfLedger - there are other logs: what they and the ledger take up is no part of this one
 */
export async function conditionOf({ store, directory }: OpenedStore, isOfLedger = false): Promise<Condition> {
  // First: one that is written meanwhile may cover more than the store that is read.
  const file = directory === undefined ? undefined : await readCheckpointFile(directory)
  const before = directory === undefined ? 'unknown' : await findWriter(directory)
  await store.refresh()
  const log = createReader(store, { barrier: async () => {}, eventTypes: [] })
  const [[first], [last]] = await Promise.all([
    log.events({ limit: 1 }).toArray(),
    log.events({ limit: 1, order: 'desc' }).toArray(),
  ])
  const inDirectory =
    directory === undefined ? { store: store.location } : await directoryCondition(directory, store, before, isOfLedger)
  return {
    ...inDirectory,
    events: store.size,
    firstEventAt: first?.time,
    lastEventAt: last?.time,
    ...(await dropped(log, namesOf(store, file))),
    ...(await policyCondition(log, namesOf(store, file))),
    checkpoints: [kept('file', file), kept('database', store.checkpoint)]
      .filter((each) => each !== undefined)
      .sort((one, other) => (other.size ?? -1) - (one.size ?? -1)),
  }
}

/** @param before - the writer that was there before the store was read */
async function directoryCondition(
  directory: string,
  store: SnapshotStore,
  before: WriterFound,
  isOfLedger: boolean,
): Promise<DirectoryCondition> {
  const journal = await readJournal(directory, store)
  // One that came or went meanwhile left, where it was read, a log that is not closed: nobody died.
  const writer = before === 'none' ? await findWriter(directory) : before
  const content = await contentCondition(directory)
  return {
    directory,
    formatVersion: store.formatVersion,
    writer,
    ending: endingOf(writer, store.closedInOrder && !journal?.events && !journal?.unreadableEvents),
    journal,
    vkey: await readKeyBeside(directory),
    ...(content && { content }),
    ...(await diskUse(directory, isOfLedger ? PARTS_OF_LEDGER : new Set())),
  }
}

async function readJournal(directory: string, store: SnapshotStore): Promise<PendingEvents | undefined> {
  try {
    return pendingEvents(directory, store)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function endingOf(writer: WriterFound, isWhole: boolean): Ending {
  if (writer === 'open') return 'open'
  if (isWhole) return 'in_order'
  return writer === 'none' ? 'died' : 'unknown'
}

/** The names by which a log marks its statements about itself: that of its checkpoints, and the one before it had any. */
function namesOf(store: ReadableStore, file: string | undefined): ReadonlySet<string | undefined> {
  return new Set([defaultOrigin(store.id), wellFormedOrigin(file), wellFormedOrigin(store.checkpoint)])
}

function wellFormedOrigin(note: string | undefined): string {
  try {
    return originOf(note) ?? ''
  } catch {
    return ''
  }
}

/** @param names - of the log: what another log says of itself, carried over from there, does not count */
async function dropped(
  log: AuditLogReader,
  names: ReadonlySet<string | undefined>,
): Promise<Pick<Condition, 'droppedEvents' | 'gaps' | 'isDroppedMinimum'>> {
  const statements = await log.events({ type: 'events_dropped' }).count()
  let droppedEvents = 0
  let gaps = 0
  for await (const gap of log.events({ type: 'events_dropped', order: 'desc', limit: MAX_GAPS_READ })) {
    if (!names.has(gap.statementOf)) continue
    droppedEvents += droppedBy(gap.data)
    gaps++
  }
  return { droppedEvents, gaps, isDroppedMinimum: statements > MAX_GAPS_READ }
}

/** Reads the file `checkpoint`. One that cannot be read is as good as malformed. */
async function readCheckpointFile(directory: string): Promise<string | undefined> {
  return await new CheckpointFile(join(directory, 'checkpoint')).read().catch((error) => unlessRefused(error, ''))
}

async function readKeyBeside(directory: string): Promise<string | undefined> {
  const path = join(directory, 'keys', 'signing.vkey')
  const bytes = await readRegularFile(path, MAX_KEY_BYTES).catch((error) => unlessRefused(error, undefined))
  return bytes?.toString().trim()
}

function unlessRefused<T>(error: unknown, fallback: T): T {
  if (error instanceof AuditLogError) throw error
  return fallback
}

function kept(source: KeptCheckpoint['source'], note: string | undefined): KeptCheckpoint | undefined {
  if (note === undefined) return undefined
  try {
    // Attacker-controlled: the note lies in the log's directory; malformed ones are shown as such, and no signature is verified.
    const { text, signatures } = parseNote(note)
    const signedBy = signatures.map(({ name, keyId }) => `${name}+${hexKeyId(keyId)}`)
    return { source, size: Number(parseCheckpoint(text).size), signedBy }
  } catch {
    return { source, signedBy: [] }
  }
}

/** Directories beside log 0 that belong to the ledger. */
const PARTS_OF_LEDGER: ReadonlySet<string> = new Set(['logs', 'staging', 'processes'])

/** @param without - directories of it that do not count */
export async function diskUse(directory: string, without: ReadonlySet<string> = new Set()): Promise<DiskUse> {
  let diskBytes = 0
  let files = 0
  for await (const path of filesBelow(directory)) {
    if (without.has(path.split(sep)[0] ?? '')) continue
    // A writer may have deleted it meanwhile.
    const found = await lstat(join(directory, path)).catch(() => undefined)
    if (!found?.isFile()) continue
    diskBytes += found.size
    files++
  }
  return { diskBytes, files }
}
