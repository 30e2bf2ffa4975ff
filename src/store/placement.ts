import { AuditLogError } from '../events/errors.js'
import type { CommitMarks, SealedEntry } from './contract.js'

/** A group with its positions: what is to be stored, and what the receipt says. */
export interface Placement {
  /** The entries to store, at `size`, `size + 1` …: the group without repeated caller ids. */
  readonly fresh: readonly SealedEntry[]
  /** Position of each entry of the whole group. */
  readonly seqs: readonly number[]
  /** Caller ids that this group brings, with their positions. */
  readonly callerIds: ReadonlyMap<string, number>
}

/** The caller ids of a group: those to be looked up before it is placed. */
export function callerIdsOf(group: readonly SealedEntry[]): readonly string[] {
  const ids: string[] = []
  for (const entry of group) if (entry.callerId) ids.push(entry.event.id)
  return ids
}

/** @throws AuditLogError `AUDIT_LOG_DIVERGED` when a group does not begin where it must */
export function assertPlacedAt(first: number | undefined, marks: CommitMarks | undefined, location: string): void {
  if (marks?.at === undefined || first === undefined || first === marks.at) return
  throw new AuditLogError(
    'AUDIT_LOG_DIVERGED',
    `The audit log ${location} holds other entries from position ${Math.min(first, marks.at)} on than it should: somebody else writes it`,
  )
}

/** Gives each entry of a group its position; a caller id that is stored, or came earlier in the group, keeps its first. */
export function placeGroup(
  group: readonly SealedEntry[],
  size: number,
  stored: ReadonlyMap<string, number>,
): Placement {
  const fresh: SealedEntry[] = []
  const seqs: number[] = []
  const callerIds = new Map<string, number>()
  for (const entry of group) {
    const id = entry.callerId ? entry.event.id : undefined
    const first = id === undefined ? undefined : (stored.get(id) ?? callerIds.get(id))
    const seq = first ?? size + fresh.length
    seqs.push(seq)
    if (first !== undefined) continue
    fresh.push(entry)
    if (id !== undefined) callerIds.set(id, seq)
  }
  return { fresh, seqs, callerIds }
}
