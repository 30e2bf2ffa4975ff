import type { CallerId } from './contract.js'

/**
 * Whether an entry that is filed under an id for all tenants, as version 0.1 filed it, has the tenant that is asked for.
 *
 * @param bytes - of the entry; nothing where it is missing
 */
export function isOfTenant(bytes: Uint8Array | undefined, { tenantId }: CallerId): boolean {
  if (!bytes) return false
  try {
    const event = JSON.parse(Buffer.from(bytes).toString()) as { readonly tenantId?: unknown }
    return event.tenantId === tenantId
  } catch {
    return false
  }
}
