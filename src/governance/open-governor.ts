import { resolve } from 'node:path'
import type { ContentKeys } from '../content/contract.js'
import { fileKeysOf } from '../content/keys/options.js'
import type { Timestamp } from '../events/time.js'
import type { GovernanceOptions } from './governance-options.js'
import { Governor } from './governor.js'
import { policyDigest } from './policy/digest.js'
import { parsePolicy } from './policy/parse.js'
import { type AuditPolicy, BUILT_IN_POLICY } from './policy/policy.js'
import { readPolicyFile, stateOfFile } from './policy/policy-file.js'
import type { ResolvedPolicy } from './policy/resolved.js'
import { DETECTORS } from './redaction/detectors.js'
import { createRedaction } from './redaction/redaction.js'
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
  /** Applies another policy. @throws AuditLogError `AUDIT_POLICY_INVALID`, `AUDIT_FILE_REFUSED`; what the file system throws. The one in force stays then */
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
  /** Keys of a log in memory. */
  readonly keys?: ContentKeys | undefined
  readonly now: () => Timestamp
  readonly report: (problem: Error) => void
}

/**
 * Opens the governance of a log.
 *
 * @throws AuditLogError `AUDIT_POLICY_INVALID`, `AUDIT_FILE_REFUSED`; what the file system throws
 * @throws TypeError naming a malformed option
 */
export function openGovernance(parts: OpenGovernorParts): OpenGovernance {
  const { options, location, now, report } = parts
  const redactors = new OwnRedactors(options.redactors)
  const policy = new PolicySource(
    { redactors, report, onInvalid: parts.onInvalid },
    options.policy ?? process.env[POLICY_VARIABLE],
  )
  const fileKeys =
    options.contentKeys === false
      ? undefined
      : fileKeysOf(options.contentKeys ?? {}, { of: OF, location, use: 'writing', report })
  const keys = options.contentKeys === false ? undefined : (fileKeys ?? parts.keys)
  const governor = new Governor({ policy: policy.current, keys, now, report })
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
      if (options.contentKeys !== false && options.contentKeys?.provider) await fileKeys?.ready()
    },
  }
}

interface PolicySourceParts {
  readonly redactors: OwnRedactors
  readonly report: (problem: Error) => void
  readonly onInvalid: 'metadata' | undefined
}

/** Counts in place of a policy that is invalid. */
const WITHOUT_CONTENT: AuditPolicy = {
  name: 'spanledger-without-content',
  rules: [{ payload: 'metadata', diagnostics: 'metadata' }],
}

/** A policy, or the file that it is read from. */
class PolicySource {
  readonly #redactors: OwnRedactors
  readonly #report: (problem: Error) => void
  #path: string | undefined
  #state = ''
  /** What was wrong with the file, as long as it is. */
  #reported: string | undefined
  #current: ResolvedPolicy

  constructor({ redactors, report, onInvalid }: PolicySourceParts, given: AuditPolicy | string | undefined) {
    this.#redactors = redactors
    this.#report = report
    if (typeof given === 'string' && given !== '') this.#path = resolve(given)
    try {
      this.#current = this.#read(given || BUILT_IN_POLICY)
    } catch (problem) {
      if (onInvalid !== 'metadata') throw problem
      this.#reportOnce(problem)
      this.#current = resolvedPolicy(WITHOUT_CONTENT, redactors)
    }
  }

  get current(): ResolvedPolicy {
    return this.#current
  }

  /** @throws as {@link OpenGovernance.apply} */
  replace(given: AuditPolicy | string): void {
    this.#current = this.#read(given)
  }

  /** @returns whether the file holds another policy now */
  review(): boolean {
    const path = this.#path
    if (path === undefined) return false
    const before = this.#current.digest
    try {
      if (stateOfFile(path) === this.#state) return false
      this.#current = this.#read(path)
      return this.#current.digest !== before
    } catch (problem) {
      this.#reportOnce(problem)
      return false
    }
  }

  #reportOnce(problem: unknown): void {
    const text = String(problem)
    if (this.#reported === text) return
    this.#reported = text
    this.#report(problem instanceof Error ? problem : new Error(text))
  }

  #read(given: AuditPolicy | string): ResolvedPolicy {
    if (typeof given !== 'string' && (typeof given !== 'object' || given === null)) {
      throw new TypeError(`${OF}: policy must be an object, or the path of a JSON file`)
    }
    const path = typeof given === 'string' ? resolve(given) : undefined
    // Before it is read: what is written meanwhile is another state.
    const state = path === undefined ? '' : stateOfFile(path)
    if (path !== undefined && path === this.#path) this.#state = state
    const policy =
      path === undefined && given === BUILT_IN_POLICY
        ? BUILT_IN_POLICY
        : parsePolicy(path === undefined ? given : readPolicyFile(path), DETECTORS)
    this.#path = path
    this.#state = state
    this.#reported = undefined
    return resolvedPolicy(policy, this.#redactors)
  }
}

function resolvedPolicy(policy: AuditPolicy, redactors: OwnRedactors): ResolvedPolicy {
  return { policy, digest: policyDigest(policy), redaction: createRedaction(redactors, policy.redact) }
}
