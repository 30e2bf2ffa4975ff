import type { AuditStore } from '../../store/contract.js'
import { rootAt, TreeFrontier } from '../../tree/index.js'
import type { JournalReplay } from '../journal/journal-replay.js'
import { storedLeaf } from './stored-leaf.js'

/** The tree of a log, for a comparison with what is known of it. */
export interface LogView {
  /** Number of entries, at the most. */
  readonly size: number
  /** The root over the first entries; `undefined` where that is not known. */
  rootAt(size: number): Promise<Uint8Array | undefined>
  /** The leaf hash of an entry; `undefined` where that is not known. */
  leafAt(seq: number): Promise<Uint8Array | undefined>
}

/** A log as it is committed. */
export function viewOf(store: AuditStore): LogView {
  return {
    size: store.size,
    rootAt: (size) => rootAt(size, store.size, store),
    leafAt: (seq) => storedLeaf(store, seq),
  }
}

/** Leaf hashes that are put into the tree together. */
const BATCH_LENGTH = 1024

/**
 * A log as it will be with what its journal has: it is compared with what is known of it before anything is committed.
 * Behind an entry with an id of the caller's, which may be stored already, or a gap, which becomes an entry, the positions
 * are not known.
 *
 * @param journal - what it has was not read yet
 * @param sizes - of which the roots are asked for, and the leaves before them
 */
export async function viewWith(journal: JournalReplay, store: AuditStore, sizes: readonly number[]): Promise<LogView> {
  const committed = viewOf(store)
  const wanted = new Set(sizes)
  const roots = new Map<number, Uint8Array>()
  const leaves = new Map<number, Uint8Array>()
  let frontier = await TreeFrontier.restore(store.size, store)
  let batch: Uint8Array[] = []
  let size = store.size
  let isCertain = true
  for (const { entry } of journal.entries()) {
    size++
    isCertain &&= !entry.callerId && journal.gaps.length === 0
    if (!isCertain) continue
    batch.push(new Uint8Array(entry.leafHash))
    if (batch.length < BATCH_LENGTH && !wanted.has(size)) continue
    frontier = frontier.append(batch).frontier
    batch = []
    if (!wanted.has(size)) continue
    roots.set(size, frontier.root)
    leaves.set(size - 1, new Uint8Array(entry.leafHash))
  }
  return {
    size,
    rootAt: async (at) => (at <= store.size ? await committed.rootAt(at) : roots.get(at)),
    leafAt: async (seq) => (seq < store.size ? await committed.leafAt(seq) : leaves.get(seq)),
  }
}
