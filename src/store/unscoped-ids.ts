import { textOf } from '../events/text.js'
import type { CallerId } from './contract.js'

/**
 * Tells whether an entry is of the tenant that is asked for. Version 0.1 filed entries under ids for all tenants.
 *
 * @param bytes - of the entry; nothing where it is missing
 */
export function isOfTenant(bytes: Uint8Array | undefined, { tenantId }: CallerId): boolean {
  if (!bytes) return false
  // Attacker-controlled: an entry; one field of it is compared.
  try {
    const event = JSON.parse(textOf(bytes)) as { readonly tenantId?: unknown }
    return event.tenantId === tenantId
  } catch {
    return false
  }
}
