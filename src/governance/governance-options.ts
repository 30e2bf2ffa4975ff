import type { ContentKeyProvider } from '../content/keys/provider.js'
import type { AuditPolicy } from './policy/policy.js'
import type { Redactor } from './redaction/redactors.js'

/** The keys by which content is digested and encrypted. */
export interface ContentKeysOptions {
  /**
   * Directory of the keys.
   *
   * @defaultValue `keys/content` of the ledger; none for a log in a store of your own, which records no content then
   */
  readonly directory?: string | undefined
  /**
   * File of the key that wraps the key of the ledger: 32 random bytes in base64. Made where it is missing, as long as the ledger has no key.
   *
   * @defaultValue the environment variable `SPANLEDGER_CONTENT_KEY_FILE`; else `provider.key` in the directory
   */
  readonly keyFile?: string | undefined
  /** A key management service in place of a file. */
  readonly provider?: ContentKeyProvider | undefined
}

/** Options by which a log governs what it records. */
export interface GovernanceOptions {
  /**
   * The rules that say what is recorded: an object, or the path of a JSON file, which is looked at again while the log is open. See
   * {@link AuditPolicy}.
   *
   * @defaultValue the environment variable `SPANLEDGER_POLICY`, the path of a file; else the built-in policy
   */
  readonly policy?: AuditPolicy | string | undefined
  /**
   * Functions of your own that take out of content what is not to be recorded, by their names: see {@link RedactText}.
   *
   * @defaultValue none
   */
  readonly redactors?: Readonly<Record<string, Redactor>> | undefined
  /**
   * The keys of content; `false` for a log that records none. @defaultValue a key file in the ledger
   */
  readonly contentKeys?: false | ContentKeysOptions | undefined
}
