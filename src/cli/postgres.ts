import { AuditLogError } from '../events/errors.js'
import type { SharedStore } from '../store/shared.js'
import { UsageError } from './usage-error.js'

/** The store at an address such as `postgres://user@host/database#payments`. */
export async function storeAt(url: string): Promise<SharedStore> {
  const hash = url.indexOf('#')
  if (!isPostgresUrl(url) || hash === -1 || hash === url.length - 1) {
    throw new UsageError('--store: say postgres://user@host/database#LOG-ID, with the id of the log behind #')
  }
  const { postgresStore } = await loadPostgres()
  const logId = decoded(url.slice(hash + 1))
  try {
    return postgresStore({ connectionString: url.slice(0, hash), logId })
  } catch (cause) {
    // The message names no part of the address: it may hold a password.
    throw new UsageError(`--store: this is no address of a database: ${(cause as Error).message}`, { cause })
  }
}

export function isPostgresUrl(url: string): boolean {
  return /^postgres(ql)?:\/\//.test(url)
}

/** The adapter, whose package `pg` only those install who use it. */
export async function loadPostgres(): Promise<typeof import('../store/postgres/index.js')> {
  try {
    return await import('../store/postgres/index.js')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause
    throw new AuditLogError('AUDIT_PACKAGE_MISSING', 'PostgreSQL needs the package pg: npm install pg', { cause })
  }
}

function decoded(logId: string): string {
  try {
    return decodeURIComponent(logId)
  } catch {
    throw new UsageError(`--store: '${logId}' is no id as a URL has it; write % as %25`)
  }
}
