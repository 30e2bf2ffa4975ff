import { Client } from 'pg'
import { openError } from './errors.js'
import { type PostgresConnection, requireConnection } from './options.js'
import { poolConfig } from './pool-config.js'
import { serverLocation } from './server.js'

/** Connects once, as the owner of the tables, and uses that connection. @throws AuditLogError `AUDIT_OPEN_FAILED` */
export async function asOwner<T>(
  of: string,
  options: PostgresConnection,
  use: (client: Client, location: string) => Promise<T>,
): Promise<T> {
  requireConnection(of, options)
  const config = poolConfig(of, options)
  const location = serverLocation(config)
  const client = new Client(config)
  // Whatever breaks the connection fails the query that waits for it.
  client.on('error', () => {})
  try {
    await client.connect()
    return await use(client, location)
  } catch (problem) {
    throw openError(problem, location)
  } finally {
    await client.end().catch(() => {})
  }
}
