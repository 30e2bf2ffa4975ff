import { AuditLogError } from '../events/errors.js'
import type { SharedStore } from '../store/shared.js'
import { UsageError } from './usage-error.js'

/**
 * Opens the store at an address such as `postgres://user@host/database#payments`.
 *
 * Attacker-controlled: where a script passes the address on; a malformed one is refused, and the file of a certificate is read.
 */
export async function storeAt(url: string): Promise<SharedStore> {
  const { connectionString, logId } = logAt(url, '--store: ')
  const { postgresStore } = await loadPostgres()
  return asTyped('--store: ', () => postgresStore({ connectionString, logId }))
}

/**
 * The parts of the address of a log.
 *
 * @param what - what messages begin with
 * @throws UsageError that tells nothing of the address: it may hold a password
 */
export function logAt(url: string, what = ''): { readonly connectionString: string; readonly logId: string } {
  const hash = url.indexOf('#')
  if (!isPostgresUrl(url) || hash === -1 || hash === url.length - 1) {
    throw new UsageError(`${what}say postgres://user@host/database#LOG-ID, with the id of the log behind #`)
  }
  return { connectionString: url.slice(0, hash), logId: decoded(url.slice(hash + 1), what) }
}

/** Runs `use` on an address that the user typed. @throws UsageError in place of a TypeError */
export function asTyped<T>(what: string, use: () => T): T {
  try {
    return use()
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw new UsageError(`${what}${error.message.replace(/^\w+: /, '')}`)
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

function decoded(logId: string, what: string): string {
  try {
    return decodeURIComponent(logId)
  } catch {
    throw new UsageError(`${what}the id behind # is not percent-encoded; write % as %25`)
  }
}
