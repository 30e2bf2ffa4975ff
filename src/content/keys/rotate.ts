import { isUint8Array } from 'node:util/types'
import { AuditLogError } from '../../events/errors.js'
import { rejectUnknownOptions } from '../../events/options.js'
import { SECRET_BYTES } from '../subject-key.js'
import { replaceKeyFile, syncKeyFiles } from './key-files.js'
import { ledgerKeyPath, ledgerKeyText, readLedgerKey, wrapLedgerKey } from './ledger-key.js'
import { type ContentKeyProvider, requireProvider } from './provider.js'

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
 * @throws TypeError naming a malformed option
 *
 * @example
 * ```ts
 * await rotateContentKey({ directory: 'audit/keys/content', from: contentKeyFile('old.key'), to: kms })
 * ```
 */
export async function rotateContentKey(options: RotateContentKeyOptions): Promise<void> {
  rejectUnknownOptions('rotateContentKey', options, ['directory', 'from', 'to'])
  const { directory, from, to } = options
  if (typeof directory !== 'string' || directory === '') {
    throw new TypeError('rotateContentKey: directory must be the path of a directory')
  }
  requireProvider('rotateContentKey: from', from)
  requireProvider('rotateContentKey: to', to)
  const known = readLedgerKey(directory)
  if (!known) throw new AuditLogError('AUDIT_KEY_INVALID', `There is no key of a ledger in ${directory}`)
  if (known.providerId !== from.id) {
    throw new AuditLogError(
      'AUDIT_KEY_INVALID',
      `The key in ${directory} was wrapped by '${known.providerId}', not by '${from.id}'`,
    )
  }
  const secret = await from.unwrap(known.wrapped)
  if (!isUint8Array(secret) || secret.length !== SECRET_BYTES) {
    throw new AuditLogError('AUDIT_KEY_INVALID', `The provider '${from.id}' did not return the key of the ledger`)
  }
  const next = await wrapLedgerKey(to, secret)
  const path = ledgerKeyPath(directory)
  replaceKeyFile(path, ledgerKeyText(next))
  await syncKeyFiles([path], directory)
}
