import type { CallerId } from '../contract.js'
import { CALLER_ID_PREFIXES, callerIdKey, entryKey, prefixEnd, readSeq, unscopedCallerIdKey } from '../keys.js'
import { isOfTenant } from '../unscoped-ids.js'
import type { Database } from './database.js'
import { getMany } from './head.js'

/** Finds entries by the ids that their callers chose. */
export class CallerIdLookup {
  readonly #db: Database
  /** Version 0.1 wrote the log: ids of its are kept for all tenants. */
  readonly #hasUnscoped: boolean

  static async in(db: Database): Promise<CallerIdLookup> {
    const prefix = CALLER_ID_PREFIXES[0] as Buffer
    const found = await db.keys({ gte: prefix, lt: prefixEnd(prefix), limit: 1 }).all()
    return new CallerIdLookup(db, found.length > 0)
  }

  private constructor(db: Database, hasUnscoped: boolean) {
    this.#db = db
    this.#hasUnscoped = hasUnscoped
  }

  async positionsOf(ids: readonly CallerId[]): Promise<readonly (number | undefined)[]> {
    const keys = ids.map(({ tenantId, id }) => callerIdKey(tenantId, id))
    const positions = (await getMany(this.#db, keys)).map(positionIn)
    if (!this.#hasUnscoped) return positions
    const unscoped = (
      await getMany(
        this.#db,
        ids.map(({ id }) => unscopedCallerIdKey(id)),
      )
    ).map(positionIn)
    const entries = await getMany(
      this.#db,
      unscoped.flatMap((seq) => (seq === undefined ? [] : [entryKey(seq)])),
    )
    const entry = entries.values()
    return ids.map((id, at) => {
      const seq = unscoped[at]
      const isOwn = seq !== undefined && isOfTenant(entry.next().value, id)
      return positions[at] ?? (isOwn ? seq : undefined)
    })
  }
}

function positionIn(value: Uint8Array | undefined): number | undefined {
  return value && readSeq(value, 0)
}
