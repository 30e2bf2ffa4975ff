import { Client, type ClientBase, Pool, type PoolClient, type PoolConfig, type QueryResultRow } from 'pg'
import { AuditLogError } from '../../events/errors.js'
import { MIGRATIONS, SCHEMA_VERSION } from './schema.js'

/** The time that a statement may wait for another writer's transaction. */
const LOCK_TIMEOUT = '20s'
/** A client that is gone with an open transaction must not hold up the others for longer. */
const IDLE_IN_TRANSACTION_TIMEOUT = '10s'
/** The time after which the server notices that whoever waits for a statement has gone. */
const CONNECTION_CHECK_INTERVAL = '2s'
/** The time that a client waits for an answer before it takes the connection for lost. */
const QUERY_TIMEOUT_MILLIS = 30_000

/**
 * Warnings, as which a server says that it was told not to wait for its standbys any longer: it commits all the same,
 * where a failover may lose it. Nothing else that is asked here gives cause for one.
 */
const GAVE_UP_WAITING = /^(01|57)/

/** The settings of every connection. A server that acknowledges before it has written would break what a commit says. */
const SESSION_SETUP = `select
  set_config('lock_timeout', '${LOCK_TIMEOUT}', false),
  set_config('idle_in_transaction_session_timeout', '${IDLE_IN_TRANSACTION_TIMEOUT}', false),
  set_config('client_connection_check_interval', '${CONNECTION_CHECK_INTERVAL}', false),
  case when current_setting('synchronous_commit') = 'off' then set_config('synchronous_commit', 'on', false) end`

/**
 * Asks the server: through any connection, or within a transaction.
 *
 * @param name - of a statement that each connection keeps planned
 */
export type Ask = <R extends QueryResultRow>(text: string, values: readonly unknown[], name?: string) => Promise<R[]>

/** Asks through one connection, or through any of a pool. */
export function askThrough(client: ClientBase | Pool): Ask {
  return async <R extends QueryResultRow>(text: string, values: readonly unknown[], name?: string) =>
    (await client.query<R>({ text, values: [...values], ...(name === undefined ? {} : { name }) })).rows
}

/** The connections of one store to its server. */
export class Server {
  readonly ask: Ask
  readonly #pool: Pool

  constructor(config: PoolConfig) {
    this.#pool = new Pool({
      query_timeout: QUERY_TIMEOUT_MILLIS,
      ...config,
      // The pool waits for it before it gives the connection away.
      onConnect: async (client) => {
        await client.query(SESSION_SETUP)
      },
    })
    this.ask = askThrough(this.#pool)
    // A connection that breaks while nobody uses it: the next use takes another.
    this.#pool.on('error', () => {})
  }

  /** Uses one connection, which is ended when that throws: nobody knows in what state it is. */
  async connected<T>(use: (client: PoolClient) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect()
    let lost: Error | undefined
    const onError = (problem: Error) => {
      lost = problem
    }
    const onNotice = ({ code }: { readonly code: string | undefined }) => {
      if (GAVE_UP_WAITING.test(code ?? '')) lost = new Error('the server gave up waiting for its standbys')
    }
    client.on('error', onError)
    client.on('notice', onNotice)
    try {
      const result = await use(client)
      if (lost) throw lost
      return result
    } catch (problem) {
      lost ??= problem instanceof Error ? problem : new Error(String(problem))
      throw problem
    } finally {
      client.off('error', onError)
      client.off('notice', onNotice)
      client.release(lost ?? false)
    }
  }

  close(): Promise<void> {
    return this.#pool.end()
  }
}

/** `postgres://host:port/database`, without credentials. */
export function serverLocation(config: PoolConfig): string {
  const { host, port, database } = new Client(config)
  return `postgres://${host}:${port}/${database ?? ''}`
}

/** @throws AuditLogError `AUDIT_FORMAT_UNSUPPORTED`; what the server says where there are no tables */
export async function requireSchema(server: Server, location: string): Promise<void> {
  const [row] = await server.ask<{ version: number | null }>(
    'select max(version) as version from spanledger.migration',
    [],
  )
  const version = row?.version ?? 0
  if (version === SCHEMA_VERSION) return
  const todo =
    version > MIGRATIONS.length ? 'upgrade Spanledger' : "run 'spanledger postgres migrate' as the owner of the tables"
  throw new AuditLogError(
    'AUDIT_FORMAT_UNSUPPORTED',
    `The tables of the audit log ${location} have version ${version}; this Spanledger needs version ${SCHEMA_VERSION}: ${todo}`,
  )
}
