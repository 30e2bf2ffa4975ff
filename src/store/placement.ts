import { AuditLogError } from '../events/errors.js'
import type { CallerId, CommitMarks, SealedEntry } from './contract.js'
import { callerIdKey } from './keys.js'

/** A group with its positions: what is to be stored, and what the result says. */
export interface Placement {
  /** The entries to store, at `firstNew`, `firstNew + 1` …: the group without those that are stored already. */
  readonly fresh: readonly SealedEntry[]
  /** Position of the first of them, also where there is none. */
  readonly firstNew: number
  /** Position of each entry of the whole group. */
  readonly seqs: readonly number[]
  /** Caller ids that this group brings, as {@link callerIdText}, with their positions. */
  readonly callerIds: ReadonlyMap<string, number>
}

/** The stored state when a group is placed. */
export interface StoredBefore {
  /** Number of entries. */
  readonly size: number
  /** Caller ids, as {@link callerIdText}, with their positions: those of the group at least. */
  readonly callerIds: ReadonlyMap<string, number>
  /** Position of each entry of the group that an earlier, failed commit of it has stored after all. */
  readonly kept?: readonly (number | undefined)[] | undefined
}

/** An id of a caller as a text that no other id, and no id of another tenant, has: its key, a character a byte. */
export function callerIdText({ tenantId, id }: CallerId): string {
  return callerIdKey(tenantId, id).toString('latin1')
}

/** The caller ids of a group: those to be looked up before it is placed. */
export function callerIdsOf(group: readonly SealedEntry[]): readonly CallerId[] {
  const ids: CallerId[] = []
  for (const { callerId, event } of group) if (callerId) ids.push(event)
  return ids
}

/**
 * Returns the ids that are stored, as {@link callerIdText}. @param positions - of each, see `AuditStore.positionsOf`
 */
export function storedIds(
  ids: readonly CallerId[],
  positions: readonly (number | undefined)[],
): ReadonlyMap<string, number> {
  const stored = new Map<string, number>()
  for (const [at, id] of ids.entries()) {
    const seq = positions[at]
    if (seq !== undefined) stored.set(callerIdText(id), seq)
  }
  return stored
}

/** @throws AuditLogError `AUDIT_LOG_DIVERGED` when a group does not begin where it must */
export function assertPosition({ seqs }: Placement, marks: CommitMarks | undefined, location: string): void {
  const first = seqs[0]
  if (marks?.at === undefined || first === undefined || first === marks.at) return
  throw new AuditLogError(
    'AUDIT_LOG_DIVERGED',
    `The audit log ${location} holds other entries from position ${Math.min(first, marks.at)} on than it should: somebody else writes it`,
  )
}

/** Gives each entry of a group its position; a caller id that is stored, or came earlier in the group, keeps its first. */
export function placeGroup(group: readonly SealedEntry[], { size, callerIds: stored, kept }: StoredBefore): Placement {
  const fresh: SealedEntry[] = []
  const seqs: number[] = []
  const callerIds = new Map<string, number>()
  for (let at = 0; at < group.length; at++) {
    const entry = group[at] as SealedEntry
    const id = entry.callerId ? callerIdText(entry.event) : undefined
    const first = kept?.[at] ?? (id === undefined ? undefined : (stored.get(id) ?? callerIds.get(id)))
    const seq = first ?? size + fresh.length
    seqs.push(seq)
    if (first !== undefined) continue
    fresh.push(entry)
    if (id !== undefined) callerIds.set(id, seq)
  }
  return { fresh, firstNew: size, seqs, callerIds }
}
