import { randomBytes } from 'node:crypto'
import { AuditLogError } from '../../events/errors.js'
import { SECRET_BYTES } from '../subject-key.js'
import { createLastingKeyFile } from './key-files.js'
import {
  type LedgerKey,
  ledgerKeyPath,
  ledgerKeyText,
  readLedgerKey,
  unwrapLedgerKey,
  type WrappedLedgerKey,
  whenThere,
  wrapLedgerKey,
} from './ledger-key.js'
import { type ContentKeyProvider, isCreating } from './provider.js'
import { hasSubjectKeys } from './subject-files.js'

/**
 * Returns the key of a ledger, which is made where there is none. Of several that ask at the same time, also in several processes, each
 * gets the same one.
 *
 * @throws AuditLogError `AUDIT_KEY_INVALID`, also where it is missing and subjects have keys; `AUDIT_FILE_REFUSED`; what the provider
 * or the file system throws
 */
export function openOrNewLedgerKey(directory: string, provider: ContentKeyProvider): LedgerKey | Promise<LedgerKey> {
  const known = readLedgerKey(directory) ?? missingLedgerKey(directory)
  if (known) return unwrapLedgerKey(directory, known, provider)
  if (isCreating(provider)) provider.create()
  return whenThere(wrapLedgerKey(provider, randomBytes(SECRET_BYTES)), (made) => {
    createLastingKeyFile(ledgerKeyPath(directory), ledgerKeyText(made))
    // Somebody else may have been first.
    return unwrapLedgerKey(directory, readLedgerKey(directory) as WrappedLedgerKey, provider)
  })
}

/** Looks again for a key that was not there: with another one, nobody could read what subjects have. */
function missingLedgerKey(directory: string): WrappedLedgerKey | undefined {
  if (!hasSubjectKeys(directory)) return undefined
  // Another process may have made it just before the first key of a subject.
  const known = readLedgerKey(directory)
  if (known) return known
  throw new AuditLogError(
    'AUDIT_KEY_INVALID',
    `${ledgerKeyPath(directory)}, the key of this ledger, is missing, and subjects have keys that were wrapped by it. Restore it from where keys are kept. To give up what was encrypted, move ${directory} away`,
  )
}
