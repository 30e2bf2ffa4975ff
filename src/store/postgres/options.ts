import { rejectUnknownOptions } from '../../events/options.js'

/**
 * The options of a pool of the package `pg`, as in its `PoolConfig`. They are written down here, so that this package
 * compiles where neither `pg` nor its types are installed.
 */
export interface PostgresPoolOptions {
  readonly user?: string | undefined
  readonly database?: string | undefined
  readonly password?: string | (() => string | Promise<string>) | undefined
  readonly port?: number | undefined
  readonly host?: string | undefined
  readonly connectionString?: string | undefined
  readonly keepAlive?: boolean | undefined
  readonly keepAliveInitialDelayMillis?: number | undefined
  /** As of `tls.connect()`. */
  readonly ssl?: boolean | object | undefined
  readonly sslnegotiation?: 'postgres' | 'direct' | undefined
  readonly enableChannelBinding?: boolean | undefined
  readonly statement_timeout?: false | number | undefined
  readonly query_timeout?: number | undefined
  readonly lock_timeout?: number | undefined
  readonly idle_in_transaction_session_timeout?: number | undefined
  readonly connectionTimeoutMillis?: number | undefined
  readonly application_name?: string | undefined
  readonly fallback_application_name?: string | undefined
  readonly client_encoding?: string | undefined
  readonly options?: string | undefined
  readonly pipeline?: boolean | undefined
  readonly max?: number | undefined
  readonly min?: number | undefined
  readonly idleTimeoutMillis?: number | null | undefined
  readonly maxUses?: number | undefined
  readonly maxLifetimeSeconds?: number | undefined
  readonly allowExitOnIdle?: boolean | undefined
  /** The following functions take or make objects of `pg`. */
  readonly types?: object | undefined
  readonly stream?: (() => unknown) | undefined
  readonly Client?: unknown
  readonly Promise?: unknown
  // biome-ignore lint/suspicious/noExplicitAny: what `pg` hands over has its own types
  readonly log?: ((...messages: any[]) => void) | undefined
  // biome-ignore lint/suspicious/noExplicitAny: what `pg` hands over has its own types
  readonly onConnect?: ((client: any) => void) | undefined
  // biome-ignore lint/suspicious/noExplicitAny: what `pg` hands over has its own types
  readonly verify?: ((client: any, done: (problem?: Error) => void) => void) | undefined
}

/** The connection to a server: a connection string, the options of a `pg` pool, or both; the options win. */
export interface PostgresConnection {
  /** `postgres://user@host:5432/database`. What it leaves out is taken from PGHOST, PGUSER … */
  readonly connectionString?: string
  /** Options of `new Pool()` of the package `pg`: `ssl`, `password` as a function, `max` … */
  readonly pool?: PostgresPoolOptions
}

/** The log of a store in PostgreSQL, and its writer; see `postgresStore`. */
export interface PostgresStoreOptions extends PostgresConnection {
  /** Id of the log: 1 to 200 characters. A log that is not there yet is created when it is opened to write. */
  readonly logId: string
  /**
   * Name of this writer among those that write the log at the same time: 1 to 200 characters. Opening a log
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

/** @throws TypeError naming the option */
export function requireStoreOptions(of: string, options: PostgresStoreOptions): void {
  rejectUnknownOptions(of, options, [...CONNECTION, 'logId', 'writer'])
  requireName(of, 'logId', options.logId)
  if (options.writer !== undefined) requireName(of, 'writer', options.writer)
}

/** @throws TypeError naming the option */
export function requireConnection(of: string, options: PostgresConnection): void {
  rejectUnknownOptions(of, options, CONNECTION)
}

/** @throws TypeError naming the option */
export function requireName(of: string, name: string, value: unknown): void {
  const isName = typeof value === 'string' && value.length >= 1 && value.length <= MAX_NAME_LENGTH
  if (isName && value.isWellFormed() && !value.includes('\0')) return
  throw new TypeError(`${of}: ${name} must be a text of 1 to ${MAX_NAME_LENGTH} characters without NUL`)
}
