import type { ContentKeys } from '../content/contract.js'
import { fileKeysOf } from '../content/keys/options.js'
import type { Timestamp } from '../events/time.js'
import type { GovernanceOptions } from './governance-options.js'
import { Governor } from './governor.js'
import { type AuditPolicy, BUILT_IN_POLICY } from './policy/policy.js'
import { PolicySource } from './policy-source.js'
import { OwnRedactors } from './redaction/redactors.js'

/** The environment variable that holds the path of a policy where no option does. */
const POLICY_VARIABLE = 'SPANLEDGER_POLICY'
const OF = 'openAuditLog'

// Every copy of this package in a process uses the same symbol.
const GOVERNANCE: unique symbol = Symbol.for('spanledger.governance.v1')

/** Options of a log that takes over what its process has staged. No part of the public interface. */
export interface WithGovernance {
  readonly [GOVERNANCE]?: OpenGovernance
}

export { GOVERNANCE }

/** The governance of a log, and the file that its policy comes from. */
export interface OpenGovernance {
  readonly governor: Governor
  /** The keys of content; `undefined` where there are none. */
  readonly keys: ContentKeys | undefined
  /** Applies another policy. @throws AuditLogError `AUDIT_POLICY_INVALID`, `AUDIT_FILE_REFUSED`. The one in force stays then */
  apply(policy: AuditPolicy | string): void
  /** Looks whether the file of the policy has changed, and applies what it holds. Reports what is wrong with it, once. Never throws. */
  review(): void
  /** Resolves when a key that a service has to unwrap is there, or cannot be had now. Never rejects. */
  ready(): Promise<void>
}

interface OpenGovernorParts {
  readonly options: GovernanceOptions
  /** Directory of the ledger; `undefined` for a log in a store. */
  readonly location: string | undefined
  /**
   * `metadata`: a policy that is invalid gives way to one by which no content is recorded, until its file is mended. @defaultValue it is refused
   */
  readonly onInvalid?: 'metadata' | undefined
  /** The log is in a store that keeps content, and no keys. @defaultValue false */
  readonly isInStore?: boolean
  /** Keys of a log in memory. */
  readonly keys?: ContentKeys | undefined
  readonly now: () => Timestamp
  readonly report: (problem: Error) => void
}

/**
 * Opens the governance of a log.
 *
 * @throws AuditLogError `AUDIT_POLICY_INVALID`, `AUDIT_FILE_REFUSED`
 * @throws TypeError naming a malformed option
 */
export function openGovernance(parts: OpenGovernorParts): OpenGovernance {
  const { options, location, isInStore = false, now, report } = parts
  const redactors = new OwnRedactors(options.redactors)
  const policy = new PolicySource(
    { redactors, report, onInvalid: parts.onInvalid },
    options.policy === undefined ? policyOfEnvironment() : options.policy,
  )
  const { contentKeys = {} } = options
  const wantsKeys = contentKeys !== false
  const keysPlace = { of: OF, location, isInStore, use: 'writing', report } as const
  const fileKeys = wantsKeys ? fileKeysOf(contentKeys, keysPlace) : undefined
  const keys = wantsKeys ? (fileKeys ?? parts.keys) : undefined
  const governor = new Governor({
    policy: policy.current,
    keys,
    isWithoutKeys: !wantsKeys,
    now,
    report,
  })
  return {
    governor,
    keys,
    apply: (next) => {
      policy.replace(next)
      governor.apply(policy.current)
    },
    review: () => {
      if (policy.review()) governor.apply(policy.current)
    },
    ready: async () => {
      if (wantsKeys && contentKeys.provider) await fileKeys?.ready()
    },
  }
}

function policyOfEnvironment(): AuditPolicy | string {
  const path = process.env[POLICY_VARIABLE]?.trim()
  return path ? path : BUILT_IN_POLICY
}
