import type { AuditStore } from '../../store/contract.js'
import { hashLeaf, leafHashAt } from '../../tree/index.js'

/** Returns the leaf hash of a stored entry, also of a removed one; `undefined` where there is none. */
export async function storedLeaf(store: AuditStore, seq: number): Promise<Uint8Array | undefined> {
  const [bytes] = await store.read([seq])
  if (bytes) return hashLeaf(bytes)
  return store.removedEntries && seq < store.size ? await leafHashAt(seq, store) : undefined
}
