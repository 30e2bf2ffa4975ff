import type { ReadableStore } from '../../store/readable.js'
import type { Identities, LogUpTo } from './identity.js'
import { IdentityTable } from './identity-table.js'

export { type Identities, type LogUpTo, NO_IDENTITIES, type OwnedEvent, type Owner } from './identity.js'

/** Logs in which a statement of one counts for the events of all, at one moment. */
export interface LogsTogether {
  /** The same object at every moment of the same logs: what was read of them is kept with it. */
  readonly ledger: object
  readonly logs: readonly LogUpTo[]
}

const TABLES = new WeakMap<object, IdentityTable>()
const TOGETHER = new WeakMap<ReadableStore, LogsTogether>()

/** Notes that statements of several logs count for what is read from a store. */
export function readTogether(store: ReadableStore, logs: LogsTogether): void {
  TOGETHER.set(store, logs)
}

/** Returns whose the runs among the first `size` entries are. What was read of a store is kept, since a log only grows. */
export async function identitiesOf(store: ReadableStore, size: number): Promise<Identities> {
  const together = TOGETHER.get(store)
  return await (together ? tableOf(together.ledger).at(together.logs) : tableOf(store).at([{ store, size }]))
}

function tableOf(owner: object): IdentityTable {
  let table = TABLES.get(owner)
  if (!table) {
    table = new IdentityTable()
    TABLES.set(owner, table)
  }
  return table
}
