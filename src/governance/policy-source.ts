import { resolve } from 'node:path'
import { policyDigest } from './policy/digest.js'
import { parsePolicy } from './policy/parse.js'
import { type AuditPolicy, BUILT_IN_POLICY } from './policy/policy.js'
import { PolicyUnreadable, readPolicyFile, stateOfFile } from './policy/policy-file.js'
import type { ResolvedPolicy } from './policy/resolved.js'
import { DETECTORS } from './redaction/detectors.js'
import { createRedaction } from './redaction/redaction.js'
import type { OwnRedactors } from './redaction/redactors.js'

interface PolicySourceParts {
  readonly redactors: OwnRedactors
  readonly report: (problem: Error) => void
  readonly onInvalid: 'metadata' | undefined
}

/** Counts in place of a policy that is invalid: it may ask for pseudonyms, and an id cannot be taken out of an entry again. */
const WITHOUT_CONTENT: AuditPolicy = {
  name: 'spanledger-without-content',
  rules: [{ payload: 'metadata', diagnostics: 'metadata' }],
  pseudonyms: { actor: true },
}

/** A policy, and the file that it is read from. */
export class PolicySource {
  readonly #redactors: OwnRedactors
  readonly #report: (problem: Error) => void
  #path: string | undefined
  #state = ''
  /** The state was the same at two readings: a file can change twice within one tick of its clock. */
  #isSettled = false
  /** The fault of the file, until it is mended. */
  #reported: string | undefined
  #current: ResolvedPolicy

  /** @throws AuditLogError, as {@link replace}; TypeError for what is neither an object nor a path */
  constructor({ redactors, report, onInvalid }: PolicySourceParts, given: AuditPolicy | string) {
    this.#redactors = redactors
    this.#report = report
    requirePolicy(given)
    if (typeof given === 'string') this.#path = resolve(given)
    try {
      this.#current = this.#read(given)
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
   * @throws AuditLogError `AUDIT_POLICY_INVALID`, `AUDIT_FILE_REFUSED`. The current one stays then
   * @throws TypeError for what is neither an object nor a path
   */
  replace(given: AuditPolicy | string): void {
    requirePolicy(given)
    this.#current = this.#read(given)
  }

  /** Reads the file again where it has changed. @returns whether it holds another policy now */
  review(): boolean {
    const path = this.#path
    if (path === undefined) return false
    const before = this.#current.digest
    try {
      if (this.#isSettled && stateOfFile(path) === this.#state) return false
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
    if (typeof given !== 'string') {
      const policy = given === BUILT_IN_POLICY ? given : parsePolicy(given, DETECTORS)
      this.#path = undefined
      return resolvedPolicy(policy, this.#redactors)
    }
    const path = resolve(given)
    // Before it is read: what is written meanwhile is another state.
    const state = stateOfFile(path)
    const isSame = state === this.#state
    if (path === this.#path) this.#note(state, isSame)
    let policy: AuditPolicy
    try {
      policy = parsePolicy(readPolicyFile(path), DETECTORS)
    } catch (problem) {
      if (problem instanceof PolicyUnreadable) this.#isSettled = false
      throw problem
    }
    this.#path = path
    this.#note(state, isSame)
    this.#reported = undefined
    return resolvedPolicy(policy, this.#redactors)
  }

  #note(state: string, isSettled: boolean): void {
    this.#state = state
    this.#isSettled = isSettled
  }
}

/** @throws TypeError */
function requirePolicy(given: unknown): void {
  if (given !== '' && (typeof given === 'string' || (typeof given === 'object' && given !== null))) return
  throw new TypeError('openAuditLog: policy must be an object, or the path of a JSON file')
}

function resolvedPolicy(policy: AuditPolicy, redactors: OwnRedactors): ResolvedPolicy {
  return { policy, digest: policyDigest(policy), redaction: createRedaction(redactors, policy.redact) }
}
