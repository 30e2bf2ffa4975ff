import { AuditLogError } from '../../events/errors.js'
import { replaceKeyFile, syncKeyFile } from './key-files.js'
import { ledgerKeyPath, ledgerKeyText, readLedgerKey, type WrappedLedgerKey, wrapped } from './ledger-key.js'
import type { ContentKeyProvider } from './provider.js'

/** The providers of a rotation. */
export interface RotateContentKeyOptions {
  /** Directory of the keys: `keys/content` of a ledger. */
  readonly directory: string
  /** The provider that has wrapped the key of the ledger until now. */
  readonly from: ContentKeyProvider
  /** The provider that is to wrap it from now on. Its own key has to be there. */
  readonly to: ContentKeyProvider
}

/**
 * Has the key of a ledger wrapped by another provider. No item and no key of a subject is written anew; whoever has the ledger open
 * goes on with it. Give the new provider wherever the ledger is opened from now on.
 *
 * @throws AuditLogError `AUDIT_KEY_INVALID` when there is no key, or `from` has not wrapped it; what the providers or the
 * file system throw. Nothing has changed then
 *
 * @example
 * ```ts
 * await rotateContentKey({ directory: 'audit/keys/content', from: contentKeyFile('old.key'), to: kms })
 * ```
 */
export async function rotateContentKey({ directory, from, to }: RotateContentKeyOptions): Promise<void> {
  const known = readLedgerKey(directory)
  if (!known) throw new AuditLogError('AUDIT_KEY_INVALID', `There is no key of a ledger in ${directory}`)
  if (known.providerId !== from.id) {
    throw new AuditLogError(
      'AUDIT_KEY_INVALID',
      `The key in ${directory} was wrapped by '${known.providerId}', not by '${from.id}'`,
    )
  }
  const secret = await from.unwrap(known.wrapped)
  const next = await wrapped(to, secret)
  await assertReturned(to, next, secret)
  const path = ledgerKeyPath(directory)
  replaceKeyFile(path, ledgerKeyText(next))
  await syncKeyFile(path, directory)
}

/** Checks that the new provider unwraps the key: otherwise all content would be lost. */
async function assertReturned(
  to: ContentKeyProvider,
  { wrapped: next }: WrappedLedgerKey,
  secret: Uint8Array,
): Promise<void> {
  const returned = await to.unwrap(next)
  if (returned instanceof Uint8Array && Buffer.compare(returned, secret) === 0) return
  throw new AuditLogError(
    'AUDIT_KEY_INVALID',
    `The provider '${to.id}' does not return what it has wrapped: the key was not changed`,
  )
}
