import type { ContentKeysOptions } from '../content/keys/options.js'
import type { AuditPolicy } from './policy/policy.js'
import type { Redactor } from './redaction/redactors.js'

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
