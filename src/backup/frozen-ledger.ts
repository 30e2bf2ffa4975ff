import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { MAX_NOTE_BYTES, parseCheckpoint, parseNote } from '../checkpoint/index.js'
import { AuditLogError } from '../events/errors.js'
import { requireRegularFiles } from '../files/log-directory.js'
import { readRegularFile } from '../files/regular-file.js'
import { closeFrozen, openFrozen } from '../inspection/frozen-log.js'
import { getUndamaged } from '../inspection/read-block.js'
import { findDamagedTable } from '../inspection/table-damage.js'
import type { LogDirectory } from '../ledger/log-directories.js'
import { readHeadFile } from '../log/journal/head-file.js'
import type { JournalPosition } from '../store/contract.js'
import { takeContentFiles } from '../store/leveldb/content/snapshot.js'
import { ENTRIES } from '../store/leveldb/database.js'
import { readHead } from '../store/leveldb/entries/head.js'
import { corrupt, openError } from '../store/leveldb/errors.js'
import { indexPath } from '../store/leveldb/indexes/database.js'
import type { Database } from '../store/leveldb/load-level.js'
import { type SnapshotFiles, takeFiles } from '../store/leveldb/snapshot-files.js'
import { createTemporaryDirectory, removeTemporaryDirectory } from '../store/leveldb/temporary-directory.js'
import { isAbsent } from '../verify/read-failure.js'

/** Number of attempts to find the logs of a ledger at one moment. Each takes some ten milliseconds a log. */
const MAX_ATTEMPTS = 50
const NOTED = '"siblings_noted"'

/** A log as it was at one moment, laid out in a directory of this process. */
export interface FrozenPart {
  readonly source: LogDirectory
  /** Has the databases. */
  readonly directory: string
  readonly hasIndex: boolean
  readonly size: number
  /** Up to where the entries have the journal. */
  readonly journal: JournalPosition | undefined
  /** The newest checkpoint that covers no more than the entries. */
  readonly checkpoint: string | undefined
  /** The file `head`, as it was before. */
  readonly head: Buffer | undefined
}

/** The logs of a ledger as they were at one moment. */
export interface FrozenLedger {
  readonly parts: readonly FrozenPart[]
  remove(): Promise<void>
}

/**
 * Freezes the logs of a ledger so that none knows of more entries of another than that one has: a note of a sibling that was
 * made meanwhile makes them be frozen again.
 *
 * @throws AuditLogError `AUDIT_LOG_CORRUPT`, `AUDIT_OPEN_FAILED`, `AUDIT_FORMAT_UNSUPPORTED`, `AUDIT_FILE_REFUSED`,
 * `AUDIT_READ_FAILED` when the logs change faster than they can be frozen
 */
export async function freeze(sources: readonly LogDirectory[]): Promise<FrozenLedger> {
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const frozen = await freezeOnce(sources)
    if (frozen) return frozen
  }
  throw new AuditLogError('AUDIT_READ_FAILED', 'The logs note each other faster than they can be copied: try again')
}

/** @returns `undefined` where a log noted more of another than was frozen of that one */
async function freezeOnce(sources: readonly LogDirectory[]): Promise<FrozenLedger | undefined> {
  const temporary = await createTemporaryDirectory('spanledger-backup')
  const taken: SnapshotFiles[] = []
  const remove = async () => {
    for (const files of taken) await files.remove()
    await removeTemporaryDirectory(temporary)
  }
  try {
    const logs: LaidOut[] = []
    for (const source of sources) logs.push(await prepare(source, join(temporary, String(source.number)), taken))
    // All at once: the shorter it takes, the less is noted meanwhile.
    const layouts = await Promise.allSettled(logs.map(({ source, directory }) => takeEntries(source, directory)))
    for (const layout of layouts) if (layout.status === 'fulfilled') taken.push(...layout.value)
    for (const layout of layouts) if (layout.status === 'rejected') throw layout.reason
    const needed = new Map<number, number>()
    const parts: FrozenPart[] = []
    for (const log of logs) parts.push(await partOf(log, needed))
    if (parts.every(({ source, size }) => size >= (needed.get(source.number) ?? 0))) return { parts, remove }
    await remove()
    return undefined
  } catch (error) {
    await remove()
    throw error
  }
}

/** A log of which all but the entries is laid out. */
interface LaidOut extends Omit<FrozenPart, 'size' | 'journal' | 'checkpoint'> {
  /** The file `checkpoint`. */
  readonly file: string | undefined
  /** The least number of entries that there were. */
  readonly before: number
}

/** Takes what must not know of more entries than there are: index, checkpoint and head. */
async function prepare(source: LogDirectory, directory: string, taken: SnapshotFiles[]): Promise<LaidOut> {
  const location = source.path
  await requireRegularFiles(location)
  await mkdir(directory, { mode: 0o700 })
  const before = sizeBefore(location)
  const paths = { source: indexPath(location), target: indexPath(directory), location }
  // An index that is missing or damaged is derived anew.
  const index = await takeFiles(paths).catch(() => undefined)
  if (index) taken.push(index)
  const head = await readIfThere(join(location, 'head'))
  const file = (await readIfThere(join(location, 'checkpoint')))?.toString()
  return { source, directory, hasIndex: index !== undefined, head, file, before }
}

/** Takes the entries, and behind them their content: it is written before they are, so that none of it is missing. */
async function takeEntries({ path: location }: LogDirectory, directory: string): Promise<readonly SnapshotFiles[]> {
  try {
    const entries = await takeFiles({ source: join(location, ENTRIES), target: join(directory, ENTRIES), location })
    const content = await takeContentFiles(location, directory)
    return content ? [entries, content] : [entries]
  } catch (error) {
    throw openError(error, location)
  }
}

/** @param needed - gets the sizes that the log's latest entries say of others */
async function partOf({ file, before, ...log }: LaidOut, needed: Map<number, number>): Promise<FrozenPart> {
  const { directory, source } = log
  const location = source.path
  const damage = findDamagedTable(join(directory, ENTRIES), 'structure')
  if (damage !== undefined) throw corrupt(location, damage)
  // Another layout of the same files: LevelDB changes what it opens.
  const own = { location, source: directory, target: join(directory, 'read'), hasIndex: false }
  const databases = await openFrozen(own)
  try {
    const { tree, checkpoint, writer } = await readHead(databases.entries, location)
    await addNoted(databases.entries, { from: Math.min(before, tree.size), to: tree.size, directory: location }, needed)
    const [newest] = [file, checkpoint].sort((one, other) => sizeOf(other) - sizeOf(one))
    return { ...log, size: tree.size, journal: writer.journal, checkpoint: newest }
  } finally {
    await closeFrozen(databases)
  }
}

/** The least number of entries that a log had before any log was frozen: what was noted by then needs no look. */
function sizeBefore(directory: string): number {
  const head = readHeadFile(join(directory, 'head'))
  return typeof head === 'object' ? head.size : 0
}

async function addNoted(
  entries: Database,
  { from, to, directory }: { readonly from: number; readonly to: number; readonly directory: string },
  needed: Map<number, number>,
): Promise<void> {
  for (let seq = from; seq < to; seq++) {
    const bytes = await getUndamaged(entries, seq, directory)
    const text = bytes && Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
    if (!text?.includes(NOTED)) continue
    for (const { log, size } of notedIn(text)) needed.set(log, Math.max(size, needed.get(log) ?? 0))
  }
}

/** Numbers and sizes, as an entry has them. It may be anybody's: what it says too much of is looked for in vain. */
function notedIn(text: string): readonly { readonly log: number; readonly size: number }[] {
  // Attacker-controlled: an entry of any log; numbers of logs and sizes must be safe integers.
  const { type, statementOf, data } = JSON.parse(text) as {
    readonly type?: unknown
    readonly statementOf?: unknown
    readonly data?: { readonly logs?: unknown }
  }
  if (type !== 'siblings_noted' || typeof statementOf !== 'string' || !Array.isArray(data?.logs)) return []
  return data.logs.filter((each) => Number.isSafeInteger(each?.log) && Number.isSafeInteger(each?.size))
}

/** Returns the number of entries that a checkpoint covers; -1 where there is none, or one that is malformed. */
function sizeOf(note: string | undefined): number {
  try {
    return note === undefined ? -1 : Number(parseCheckpoint(parseNote(note).text).size)
  } catch {
    return -1
  }
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readRegularFile(path, MAX_NOTE_BYTES)
  } catch (error) {
    if (isAbsent(error)) return undefined
    throw error
  }
}
