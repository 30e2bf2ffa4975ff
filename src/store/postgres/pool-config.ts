import type { PoolConfig } from 'pg'
import { problemIn } from './connection-string.js'
import type { PostgresConnection } from './options.js'

/** The configuration of a pool. @throws TypeError naming the option */
export function poolConfig(of: string, { connectionString, pool }: PostgresConnection): PoolConfig {
  if (connectionString !== undefined && (typeof connectionString !== 'string' || connectionString === '')) {
    throw new TypeError(`${of}: connectionString must be text such as 'postgres://user@host:5432/database'`)
  }
  const problem = connectionString === undefined ? undefined : problemIn(connectionString)
  if (problem !== undefined) {
    throw new TypeError(`${of}: connectionString must be as 'postgres://user@host:5432/database': ${problem}`)
  }
  if (pool !== undefined && (typeof pool !== 'object' || pool === null)) {
    throw new TypeError(`${of}: pool must be an object, the options of a pool of the package pg`)
  }
  return {
    application_name: 'spanledger',
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    ...(connectionString === undefined ? {} : { connectionString }),
    // The type lists what `pg` takes; a test compares the two.
    ...(pool as PoolConfig | undefined),
  }
}
