import { AuditLogError } from '../../events/errors.js'
import { readLedgerKey, unwrapLedgerKey, type WrappedLedgerKey } from './ledger-key.js'
import { missingLedgerKey } from './open-ledger-key.js'
import type { ContentKeyProvider } from './provider.js'
import { countSubjectKeys } from './subject-files.js'

/** The keys of content of a ledger. Plain JSON. */
export interface KeysCondition {
  /** Directory of the keys. */
  readonly directory: string
  /** `open`: the provider unwraps the key of the ledger. `unavailable`: it does not. `none`: there is no key yet. */
  readonly ledgerKey: 'open' | 'unavailable' | 'none'
  /** Id of the provider that wrapped the key of the ledger. */
  readonly provider?: string
  /** Number of subjects that have a key. */
  readonly subjects: number
  /** The reason why the key is unavailable. */
  readonly problem?: { readonly code: string; readonly message: string }
}

/** Looks at the keys in a directory, and changes nothing. @throws what the file system throws */
export async function inspectKeys(directory: string, provider: ContentKeyProvider): Promise<KeysCondition> {
  const subjects = countSubjectKeys(directory)
  let known: WrappedLedgerKey | undefined
  try {
    known = readLedgerKey(directory) ?? missingLedgerKey(directory)
    if (!known) return { directory, ledgerKey: 'none', subjects }
    await unwrapLedgerKey(directory, known, provider)
    return { directory, ledgerKey: 'open', provider: known.providerId, subjects }
  } catch (problem) {
    if (!(problem instanceof AuditLogError)) throw problem
    const { code, message } = problem
    const named = known && { provider: known.providerId }
    return { directory, ledgerKey: 'unavailable', ...named, subjects, problem: { code, message } }
  }
}
