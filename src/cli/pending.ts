import { AuditLogError } from '../events/errors.js'
import type { AuditEvent } from '../events/types.js'
import { type StagedEvents, stagedEvents } from '../ledger/staged-events.js'
import { eventsPending } from '../log/journal/pending.js'
import type { AuditLogDirectoryReader, WrittenLog } from '../reader/open.js'
import { DirectoryLedgerReader } from '../reader/open.js'
import type { AuditLogStoreReader } from '../reader/open-store.js'
import { findWriter, type WriterFound } from './find-writer.js'

/** Events that a process has recorded, and that are in no log yet. */
export interface PendingPart {
  /** Number of the log that takes them; `undefined` where there is one log, or where it is not known yet. */
  readonly log: number | undefined
  /** The process that recorded them. */
  readonly writer: WriterFound
  /** In the order in which they were recorded; read anew by each call. */
  events(): Iterable<AuditEvent>
}

/** Finds pending events of a ledger. */
export type PendingSource = (ledger: DirectoryLedgerReader) => Promise<readonly PendingPart[]>

/** The places in which processes keep what they have recorded. */
const SOURCES: readonly PendingSource[] = [journalsOf, stagingOf]

/** Returns what is recorded and not committed yet. */
export async function pendingIn(log: AuditLogDirectoryReader | AuditLogStoreReader): Promise<readonly PendingPart[]> {
  if (!(log instanceof DirectoryLedgerReader)) return []
  const found = await Promise.all(SOURCES.map((source) => source(log)))
  return found.flat()
}

/** Returns what processes have staged in a directory. @throws AuditLogError `AUDIT_FILE_REFUSED`; what the file system throws */
export function stagedIn(location: string): readonly PendingPart[] {
  return stagedEvents(location).map(({ owner, events }) => ({ log: undefined, writer: STAGED_BY[owner], events }))
}

/** The journals of the logs. */
async function journalsOf(ledger: DirectoryLedgerReader): Promise<readonly PendingPart[]> {
  const logs = await ledger.written()
  return await Promise.all(
    logs.map(async ({ number, store }) => ({
      log: logs.length === 1 ? undefined : number,
      writer: await findWriter(store.location),
      // As of the snapshot that is read: what it does not have.
      events: () => eventsPending(store.location, store),
    })),
  )
}

/** Events that processes recorded before they had a log. Whoever may read the log may not always read these. */
async function stagingOf(ledger: DirectoryLedgerReader): Promise<readonly PendingPart[]> {
  let staged: readonly StagedEvents[]
  try {
    staged = stagedEvents(ledger.location)
  } catch (problem) {
    if (problem instanceof AuditLogError) throw problem
    return [{ log: undefined, writer: 'unknown', events: () => fail(problem) }]
  }
  if (staged.length === 0) return []
  const logs = await ledger.written()
  return await Promise.all(
    staged.map(async (each) => {
      const taker = logs.find(({ store }) => store.id === each.log)
      const taken = taker && (await idsTakenOver(taker.store, ledger.logs.get(taker.number), each))
      return {
        log: undefined,
        writer: STAGED_BY[each.owner],
        *events() {
          for (const event of each.events()) if (!taken?.has(event.id)) yield event
        },
      }
    }),
  )
}

function fail(problem: unknown): never {
  throw problem
}

const STAGED_BY: Readonly<Record<StagedEvents['owner'], WriterFound>> = {
  alive: 'open',
  dead: 'none',
  unknown: 'unknown',
}

/** Events that a log may have taken on while it takes over a staging journal. */
const RECORDED_MEANWHILE = 10_000

/** Returns the ids of the newest events of the log that is taking a staging journal over, and of those in its journal. */
async function idsTakenOver(
  store: WrittenLog['store'],
  log: AuditLogDirectoryReader | undefined,
  { events }: StagedEvents,
): Promise<Set<string>> {
  const ids = new Set<string>()
  // Its owner died before it committed them, and before it deleted the staging journal: they count as the log's.
  for (const { id } of eachReadable(() => eventsPending(store.location, store))) ids.add(id)
  let count = RECORDED_MEANWHILE
  for (const _ of eachReadable(events)) count++
  if (log) for await (const { id } of log.events({ order: 'desc', limit: count })) ids.add(id)
  return ids
}

/** Counts the events of a part, as far as they can be read, and says why there may be more. */
export function countPending({ events }: Pick<PendingPart, 'events'>): {
  readonly count: number
  readonly problem: string | undefined
} {
  let count = 0
  try {
    for (const _ of events()) count++
  } catch (error) {
    if (!isGone(error)) return { count, problem: messageOf(error) }
  }
  return { count, problem: undefined }
}

/** Gives the events of a part, as far as they can be read. */
export function* eachReadable(events: () => Iterable<AuditEvent>): Generator<AuditEvent, void, undefined> {
  try {
    yield* events()
  } catch (error) {
    // It was told of when the events were counted.
    if (!isGone(error)) messageOf(error)
  }
}

/** A writer deletes a file of its journal once all of it is committed. */
function isGone(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT'
}

/** Returns what is wrong with a journal; what is no problem of its files is a defect. */
function messageOf(error: unknown): string {
  if (error instanceof AuditLogError || (error instanceof Error && 'syscall' in error)) return error.message
  throw error
}
