import type { AuditStore, IndexName, SealedEntry, SeqCursor, StoredEntry, Walk } from '../../store/contract.js'

/** The store of a case: open, empty, closed and removed after the case. */
export interface CaseContext {
  readonly store: AuditStore
  /** Closes the store and opens another over what it kept; `undefined` when the engine keeps nothing. */
  readonly reopen: (() => Promise<AuditStore>) | undefined
  /** Removes entries, and opens another store over the rest; `undefined` when the engine has no removed entries. */
  readonly removeEntries: ((seqs: readonly number[], removedUnder: number) => Promise<AuditStore>) | undefined
}

/** One promise of the store contract. */
export interface ConformanceCase {
  readonly name: string
  run(context: CaseContext): Promise<void>
}

export const EVERYTHING: Walk = { from: 0, to: Number.MAX_SAFE_INTEGER, reverse: false }
export const INDEXES: readonly IndexName[] = [
  'session',
  'run',
  'type',
  'agent',
  'tenant',
  'parent',
  'actor',
  'tool',
  'superseding',
]

/** Commits groups of these lengths, one after the other. */
export async function commitInGroups(
  store: AuditStore,
  entries: readonly SealedEntry[],
  lengths: readonly number[],
): Promise<void> {
  let at = 0
  for (let group = 0; at < entries.length; group++) {
    const length = lengths[group % lengths.length] as number
    await store.commit(entries.slice(at, at + length))
    at += length
  }
}

export async function drain(cursor: SeqCursor): Promise<number[]> {
  const seqs: number[] = []
  for (let chunk = await cursor.next(); chunk; chunk = await cursor.next()) seqs.push(...chunk)
  return seqs
}

export async function entriesOf(store: AuditStore, walk: Walk = EVERYTHING): Promise<StoredEntry[]> {
  const entries: StoredEntry[] = []
  for await (const chunk of store.entries(walk)) entries.push(...chunk)
  return entries
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = []
  for await (const item of items) collected.push(item)
  return collected
}

/** The stored text of each entry, for a readable difference. */
export function texts(entries: readonly (Pick<StoredEntry, 'bytes'> | undefined)[]): (string | undefined)[] {
  return entries.map((entry) => entry && Buffer.from(entry.bytes).toString())
}

/** The values under which an entry is to be filed, said apart from how any engine does it. */
export function valuesOf({ event }: SealedEntry, index: IndexName): string[][] {
  switch (index) {
    case 'session':
      return [[event.sessionId, event.tenantId]]
    case 'tenant':
      return [[event.tenantId]]
    case 'type':
      return [[event.type]]
    case 'run':
      return event.runId === undefined ? [] : [[event.runId]]
    case 'parent':
      return event.parentRunId === undefined || !event.type.startsWith('run_') ? [] : [[event.parentRunId]]
    case 'agent':
      return [...new Set([event.agent?.id, event.agent?.name])]
        .filter((name) => name !== undefined)
        .map((name) => [name])
    case 'actor':
      return event.actorId === undefined ? [] : [[event.actorId]]
    case 'tool':
      return event.toolName === undefined ? [] : [[event.toolName]]
    case 'superseding':
      return event.supersedes === undefined || event.runId === undefined ? [] : [[event.runId]]
    default:
      return index satisfies never
  }
}

/** Returns what `postings()` has to answer, found by looking at every entry. */
export function expectedSeqs(
  entries: readonly SealedEntry[],
  index: IndexName,
  value: readonly string[],
  walk: Walk,
): number[] {
  const seqs: number[] = []
  entries.forEach((entry, seq) => {
    if (seq < walk.from || seq >= walk.to) return
    if (valuesOf(entry, index).some((filed) => value.every((part, at) => filed[at] === part))) seqs.push(seq)
  })
  return walk.reverse ? seqs.reverse() : seqs
}

/** Numbers below `limit`, the same in every run. */
export function seededRandom(seed: number): (limit: number) => number {
  let state = seed
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * limit)
  }
}
