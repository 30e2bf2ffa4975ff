import type { PoolConfig } from 'pg'
import type { PostgresPoolOptions } from '../../src/store/postgres/index.js'

// What a pool of `pg` takes, the store takes; and it lists each option, since one that it does not know cannot be given.
export const taken = (config: PoolConfig): PostgresPoolOptions => config
export const unlisted: Exclude<keyof PoolConfig, keyof PostgresPoolOptions>[] = []
export const unlistedIsNever = (option: Exclude<keyof PoolConfig, keyof PostgresPoolOptions>): never => option

export const typed: PostgresPoolOptions = { ssl: { rejectUnauthorized: true }, password: async () => 'secret', max: 4 }
// @ts-expect-error: no such option
export const mistyped: PostgresPoolOptions = { maximum: 4 }
