import type { PoolConfig } from 'pg'
import { rejectUnknownOptions } from '../../events/options.js'
import { problemIn } from './connection-string.js'

/** How to reach a server: a connection string, the options of a `pg` pool, or both, of which the options win. */
export interface PostgresConnection {
  /** `postgres://user@host:5432/database`. What it leaves out is taken from PGHOST, PGUSER … */
  readonly connectionString?: string
  /** What `new Pool()` of the package `pg` takes: `ssl`, `password` as a function, `max` … */
  readonly pool?: Readonly<PoolConfig>
}

/** Which log of which database, and who writes it: see `postgresStore`. */
export interface PostgresStoreOptions extends PostgresConnection {
  /** Which log of the database: 1 to 200 characters. A log that is not there yet is created when it is opened to write. */
  readonly logId: string
  /**
   * What this writer is called, among those that write the log at the same time: 1 to 200 characters. Opening a log
   * under a name marks the runs that the last writer of this name left open as interrupted, and ends that writer's
   * own: its next commit fails with `AUDIT_LOG_LOCKED`. So give a name that outlives a restart and is used once at a
   * time: that of the pod of a StatefulSet, of a machine's only process.
   *
   * @defaultValue a name that was never used: nobody's runs are marked, and this writer's neither, should it die
   */
  readonly writer?: string
}

const CONNECTION = ['connectionString', 'pool']
const MAX_NAME_LENGTH = 200

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
    ...pool,
  }
}

/** @throws TypeError naming the option */
export function checkStoreOptions(of: string, options: PostgresStoreOptions): void {
  rejectUnknownOptions(of, options, [...CONNECTION, 'logId', 'writer'])
  checkName(of, 'logId', options.logId)
  if (options.writer !== undefined) checkName(of, 'writer', options.writer)
}

/** @throws TypeError naming the option */
export function checkConnection(of: string, options: PostgresConnection): void {
  rejectUnknownOptions(of, options, CONNECTION)
}

/** @throws TypeError naming the option */
export function checkName(of: string, name: string, value: unknown): void {
  const isName = typeof value === 'string' && value.length >= 1 && value.length <= MAX_NAME_LENGTH
  if (isName && value.isWellFormed() && !value.includes('\0')) return
  throw new TypeError(`${of}: ${name} must be a text of 1 to ${MAX_NAME_LENGTH} characters without NUL`)
}
