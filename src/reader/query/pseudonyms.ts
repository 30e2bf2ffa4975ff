import { textOf } from '../../events/text.js'
import type { ReadableStore } from '../../store/readable.js'
import { restorerOf } from '../content/restorers.js'
import { identitiesOf } from './identities.js'

/** The actor that is asked for. */
export interface ActorFilter {
  readonly actorId?: string
  /** The names that the policy may have put in place of `actorId`, as far as they are known. */
  readonly pseudonyms?: readonly string[] | undefined
}

/** Tells whether an event, or a run, is that of the actor who is asked for. */
export function isOfActor(id: string | undefined, { actorId, pseudonyms }: ActorFilter): boolean {
  return actorId === undefined || id === actorId || (id !== undefined && pseudonyms?.includes(id) === true)
}

/**
 * Completes a filter with the pseudonyms of its actor. They are keyed, by tenant: without the keys there are none. Where the filter names
 * no tenant, those of all tenants of the log count.
 */
export async function withPseudonyms<F extends ActorFilter & { readonly tenantId?: string }>(
  store: ReadableStore,
  size: number,
  filter: F,
): Promise<F & ActorFilter> {
  const { actorId, pseudonyms, tenantId } = filter
  const restorer = restorerOf(store)
  if (actorId === undefined || pseudonyms || !restorer?.hasKeys) return filter
  const tenants =
    tenantId === undefined
      ? await tenantsOf(store, size)
      : // A run that was identified late has the pseudonym that it was recorded with.
        new Set([tenantId, ...(await identitiesOf(store, size)).into(tenantId).tenants])
  return { ...filter, pseudonyms: await restorer.pseudonymsOf(actorId, tenants) }
}

/** Entries that are read at a time. */
const BATCH = 256

async function tenantsOf(store: ReadableStore, size: number): Promise<ReadonlySet<string>> {
  const tenants = new Set<string>()
  let seqs: number[] = []
  const take = async () => {
    for (const bytes of await store.read(seqs)) if (bytes) addTenant(tenants, bytes)
    seqs = []
  }
  for await (const seq of store.firstOfEach('tenant')) {
    if (seq < size) seqs.push(seq)
    if (seqs.length === BATCH) await take()
  }
  await take()
  return tenants
}

function addTenant(tenants: Set<string>, bytes: Uint8Array): void {
  // Attacker-controlled: an entry of any contents; one text of it is used, as a name to look a key up by.
  try {
    const { tenantId } = JSON.parse(textOf(bytes)) ?? {}
    if (typeof tenantId === 'string') tenants.add(tenantId)
  } catch {
    // It holds no event, which whoever reads it is told.
  }
}
