import { catalogue } from '../../events/catalogue.js'
import type { LogUpTo } from './identities.js'
import { unknownTypeError } from './parse-query.js'

/** Returns the types that may be asked for before any event has them: those of the catalogue, and the log's own. */
export function knownTypes(own: readonly string[]): ReadonlySet<string> {
  return new Set([...Object.keys(catalogue), ...own])
}

/**
 * Makes sure that a query names types that there are: of an unknown one, a newer version may have written an event.
 *
 * @throws AuditLogError `AUDIT_QUERY_INVALID`
 */
export async function assertKnownTypes(
  asked: readonly string[],
  known: ReadonlySet<string>,
  logs: readonly LogUpTo[],
): Promise<void> {
  for (const type of asked) {
    if (known.has(type)) continue
    const counts = await Promise.all(
      logs.map(({ store, size }) => store.countPostings('type', [type], { from: 0, to: size }, 1)),
    )
    if (counts.every((count) => count === 0)) throw unknownTypeError(type, [...known])
  }
}
