import type { Database } from './load-level.js'

/** `getMany` as it answers, not as it is typed: `undefined` where there is nothing. */
export function getMany(db: Database, keys: Buffer[]): Promise<(Uint8Array | undefined)[]> {
  return db.getMany(keys)
}

/** Reads the values of some keys on the calling thread, which waits for them: the way there and back takes longer than a read. */
export function getManyHere(db: Database, keys: readonly Buffer[]): (Uint8Array | undefined)[] {
  return keys.map((key) => db.getSync(key))
}
