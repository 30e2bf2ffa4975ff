import { resolve } from 'node:path'
import { policyDigest } from './policy/digest.js'
import { parsePolicy } from './policy/parse.js'
import { type AuditPolicy, BUILT_IN_POLICY } from './policy/policy.js'
import { readPolicyFile, stateOfFile } from './policy/policy-file.js'
import type { ResolvedPolicy } from './policy/resolved.js'
import { DETECTORS } from './redaction/detectors.js'
import { createRedaction } from './redaction/redaction.js'
import type { OwnRedactors } from './redaction/redactors.js'

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

/** A policy, and the file that it is read from. */
export class PolicySource {
  readonly #redactors: OwnRedactors
  readonly #report: (problem: Error) => void
  #path: string | undefined
  #state = ''
  /** The fault of the file, until it is mended. */
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

  /**
   * Takes another policy, or another file.
   *
   * @throws AuditLogError `AUDIT_POLICY_INVALID`, `AUDIT_FILE_REFUSED`; what the file system throws. The current one stays then
   */
  replace(given: AuditPolicy | string): void {
    this.#current = this.#read(given)
  }

  /** Reads the file again where it has changed. @returns whether it holds another policy now */
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
      throw new TypeError(`openAuditLog: policy must be an object, or the path of a JSON file`)
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
