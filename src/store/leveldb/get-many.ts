import type { Database } from './database.js'

/** `getMany` as it answers, not as it is typed: `undefined` where there is nothing. */
export function getMany(
  db: Database,
  keys: Buffer[],
  snapshot?: ReturnType<Database['snapshot']>,
): Promise<(Uint8Array | undefined)[]> {
  return snapshot ? db.getMany(keys, { snapshot }) : db.getMany(keys)
}
