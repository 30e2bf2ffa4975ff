import type { CallerId } from '../contract.js'
import { callerIdKey, unscopedCallerIdKey } from '../keys.js'
import { isOfTenant } from '../unscoped-ids.js'
import type { Ask } from './server.js'

/** The ids of a group in one question. What version 0.1 filed for all tenants comes with its entry. */
const FIND = `select stored.id, stored.seq, case when stored.id = any($3::bytea[]) then entry.bytes end as bytes
  from spanledger.caller_id as stored
    left join spanledger.entry as entry on entry.log = $1 and entry.seq = stored.seq and stored.id = any($3::bytea[])
  where stored.log = $1 and stored.id = any($2::bytea[] || $3::bytea[])`

/** Finds entries by the ids that their callers chose. */
export async function positionsOf(
  ask: Ask,
  log: number,
  ids: readonly CallerId[],
): Promise<readonly (number | undefined)[]> {
  if (ids.length === 0) return []
  const keys = ids.map(({ tenantId, id }) => callerIdKey(tenantId, id))
  const unscoped = ids.map(({ id }) => unscopedCallerIdKey(id))
  const rows = await ask<{ id: Buffer; seq: string; bytes: Buffer | null }>(FIND, [log, keys, unscoped])
  const found = new Map(rows.map((row) => [row.id.toString('latin1'), row]))
  const foundAt = (key: Buffer | undefined) => key && found.get(key.toString('latin1'))
  return ids.map((id, at) => {
    const scoped = foundAt(keys[at])
    if (scoped) return Number(scoped.seq)
    const row = foundAt(unscoped[at])
    return row && isOfTenant(row.bytes ?? undefined, id) ? Number(row.seq) : undefined
  })
}
