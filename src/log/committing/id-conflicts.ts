import type { AuditStore, SealedEntry } from '../../store/contract.js'
import { callerIdsOf, callerIdText, storedIds } from '../../store/placement.js'
import { hashLeaf } from '../../tree/index.js'
import { type ComparedEntry, isSameContent } from './same-content.js'

/** The entries that remain of a group, and those that were removed. */
export interface Cleared {
  readonly entries: readonly SealedEntry[]
  /** Entries whose ids are those of other events, in their order. */
  readonly conflicts: readonly SealedEntry[]
}

/**
 * Takes out of a group, before it is committed, the entries whose ids are those of other events: of stored ones, or of
 * some that come earlier in the group. Nobody waits for these entries.
 *
 * @param statement - makes the statement of those that were taken out; it stands where the last of them stood
 */
export async function withoutIdConflicts(
  entries: readonly SealedEntry[],
  store: AuditStore,
  statement: (conflicts: readonly SealedEntry[]) => SealedEntry,
): Promise<Cleared> {
  const ids = callerIdsOf(entries)
  if (ids.length === 0) return { entries, conflicts: [] }
  const stored = storedIds(ids, await store.positionsOf(ids))
  const earlier = new Map<string, SealedEntry>()
  const conflicts: SealedEntry[] = []
  const left: SealedEntry[] = []
  let lastAt = 0
  for (const entry of entries) {
    const id = entry.callerId ? callerIdText(entry.event) : undefined
    const before = id === undefined ? undefined : ((await entryAt(stored.get(id), store)) ?? earlier.get(id))
    if (before && !isSameContent(before, entry)) {
      conflicts.push(entry)
      lastAt = left.length
      continue
    }
    if (id !== undefined && !before) earlier.set(id, entry)
    left.push(entry)
  }
  if (conflicts.length > 0) left.splice(lastAt, 0, statement(conflicts))
  return { entries: left, conflicts }
}

async function entryAt(seq: number | undefined, store: AuditStore): Promise<ComparedEntry | undefined> {
  const [bytes] = seq === undefined ? [] : await store.read([seq])
  return bytes && { bytes, leafHash: hashLeaf(bytes) }
}
