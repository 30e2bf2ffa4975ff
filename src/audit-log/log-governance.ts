import type { ContentKeys } from '../content/contract.js'
import { memoryKeys } from '../content/keys/memory-keys.js'
import { textOf } from '../events/text.js'
import { timestampFromHrTime } from '../events/time.js'
import { type OpenGovernance, openGovernance } from '../governance/open-governor.js'
import { BUILT_IN_DIGEST } from '../governance/policy/resolved.js'
import type { ResolvedAuditLogOptions } from '../log/options.js'
import type { AuditStore } from '../store/contract.js'
import { isMemoryStore } from '../store/memory/store.js'

/** Period in which the file of a policy is looked at, and in which what the policy left out is stated when that is due. */
export const REVIEW_MILLIS = 2_000

/** Stands for a policy of which a log cannot say which it is. */
export const UNKNOWN_DIGEST = ''

/** Keys of logs in memory, which last as long as their store does. */
const keysInMemory = new WeakMap<AuditStore, ContentKeys>()

/**
 * Opens what governs a log, unless it is given one that governs already what is staged for it.
 *
 * @param location - directory of the ledger; `undefined` for a log in a store
 * @throws as {@link openGovernance}
 */
export function governanceOf(
  store: AuditStore,
  location: string | undefined,
  options: ResolvedAuditLogOptions,
): OpenGovernance {
  if (options.openGovernance) return options.openGovernance
  const { governance, clock, emitter } = options
  const keepsContent = store.content !== undefined
  return openGovernance({
    // A store that keeps no content has no use for keys: what it lacks is reported with the first content.
    options: keepsContent || governance.contentKeys === false ? governance : { ...governance, contentKeys: undefined },
    location: keepsContent ? location : undefined,
    isInStore: keepsContent && !isMemoryStore(store),
    keys: isMemoryStore(store) ? keysOf(store) : undefined,
    now: () => timestampFromHrTime(clock()),
    report: (problem) => emitter.report(problem),
  })
}

function keysOf(store: AuditStore): ContentKeys {
  const known = keysInMemory.get(store)
  if (known) return known
  const keys = memoryKeys()
  keysInMemory.set(store, keys)
  return keys
}

/** Returns the digest of the policy that a log has on record as the one in force. @throws what reading throws */
export async function recordedPolicy(store: AuditStore, origin: string): Promise<string> {
  const walk = { from: 0, to: store.size, reverse: true }
  const cursor = store.postings('type', ['audit_policy_applied'], walk)
  try {
    for (let seqs = await cursor.next(); seqs; seqs = await cursor.next()) {
      for (const seq of seqs) {
        const digest = digestIn(await store.read([seq]), origin)
        if (digest !== undefined) return digest
      }
    }
  } finally {
    await cursor.close()
  }
  return BUILT_IN_DIGEST
}

function digestIn([bytes]: readonly (Uint8Array | undefined)[], origin: string): string | undefined {
  if (!bytes) return undefined
  // Attacker-controlled: an entry of the log; only what the log says of itself counts, and its digest is compared alone.
  try {
    const { statementOf, data } = JSON.parse(textOf(bytes))
    return statementOf === origin && typeof data?.digest === 'string' ? data.digest : undefined
  } catch {
    return undefined
  }
}
