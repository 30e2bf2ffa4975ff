import type { ContentKeys } from '../content/contract.js'
import { AuditLogError } from '../events/errors.js'
import { millisBetween, type Timestamp } from '../events/time.js'
import type { AuditEventInput } from '../events/types.js'
import type { RecordInput } from '../log/contract.js'
import { OWN_SOURCE } from '../log/own-source.js'
import type { AwaitedVerdict, Governance, GovernedEvent, Verdict } from './contract.js'
import { EventContent } from './event-content.js'
import { HeldStarts } from './held-starts.js'
import { LeftOutEvents } from './left-out.js'
import { type CompiledRule, compileRules } from './policy/matching.js'
import type { ResolvedPolicy } from './policy/resolved.js'

/** Time from one report on what is left out to the next. */
const REPORT_MILLIS = 60 * 60 * 1000

export interface GovernorParts {
  readonly policy: ResolvedPolicy
  /** `undefined` for a log that has no keys: content leaves no trace then. */
  readonly keys: ContentKeys | undefined
  readonly now: () => Timestamp
  readonly report: (problem: Error) => void
}

/** Applies a policy to events on their way into a log. */
export class Governor implements Governance {
  readonly #parts: GovernorParts
  readonly #held: HeldStarts
  readonly #leftOut = new LeftOutEvents()
  readonly #content: EventContent
  #policy: ResolvedPolicy
  #rules: readonly CompiledRule[]
  /** A rule leaves events out, or did under an earlier policy: runs are remembered from then on. */
  #leavesOut = false
  /** Digest of the policy that the log has on record as the one in force; `undefined` until the log says. */
  #recordedDigest: string | undefined
  #due: AuditEventInput[] = []

  constructor(parts: GovernorParts) {
    this.#parts = parts
    this.#held = new HeldStarts(parts.now)
    this.#policy = parts.policy
    this.#rules = this.#compiled(parts.policy)
    this.#content = new EventContent(parts.keys, () => this.#reportNoKeys())
  }

  /** The policy in force. */
  get policy(): ResolvedPolicy {
    return this.#policy
  }

  govern(input: RecordInput): Verdict {
    const rule = this.#ruleFor(input)
    if (rule?.payload !== 'none') return this.#record(input, rule)
    const leaveOut = (name: string) => this.#leftOut.add(name, this.#parts.now)
    switch (this.#held.decide(input, rule.name, leaveOut)) {
      case 'record':
        return this.#record(input, rule)
      case 'hold':
        return { kind: 'held' }
      default:
        leaveOut(rule.name)
        return { kind: 'left_out', rule: rule.name }
    }
  }

  /** A start that somebody waits for makes its run one of which something is recorded. */
  governAwaited(input: RecordInput): AwaitedVerdict {
    const rule = this.#ruleFor(input)
    if (rule?.payload !== 'none') return this.#record(input, rule)
    const verdict = this.govern(input)
    if (verdict.kind !== 'held') return verdict
    // What is recorded is what was held back, with its time.
    const start = this.#held.takeStart(input) ?? input
    return { kind: 'record', events: [this.#governed(start, rule)] }
  }

  /** Applies another policy from now on. */
  apply(policy: ResolvedPolicy): void {
    this.#flushLeftOut()
    this.#policy = policy
    this.#rules = this.#compiled(policy)
    this.#stateInForce()
  }

  /** The log says which policy it has on record as the one in force. */
  recordedAs(digest: string): void {
    this.#recordedDigest = digest
    this.#stateInForce()
  }

  async settled(): Promise<void> {
    await this.#parts.keys?.settled()
  }

  statements(atEnd: boolean): readonly AuditEventInput[] {
    const { now } = this.#parts
    const { from } = this.#leftOut
    if (atEnd) for (const rule of this.#held.takeRules()) this.#leftOut.add(rule, now)
    if (atEnd || (from !== undefined && millisBetween(from, now()) >= REPORT_MILLIS)) this.#flushLeftOut()
    for (const { redactor, budgetMs } of this.#policy.redaction.takeDisabled()) {
      this.#due.push({ type: 'redactor_disabled', source: OWN_SOURCE, data: { redactor, budgetMs } })
    }
    if (this.#due.length === 0) return NONE
    const due = this.#due
    this.#due = []
    return due
  }

  #ruleFor(input: RecordInput): CompiledRule | undefined {
    if (this.#rules.length === 0) return undefined
    try {
      return this.#rules.find(({ fits }) => fits(input))
    } catch {
      // What cannot be read fits no rule.
      return undefined
    }
  }

  #record(input: RecordInput, rule: CompiledRule | undefined): AwaitedVerdict {
    const event = this.#governed(input, rule)
    const start = this.#leavesOut ? this.#held.takeStart(input) : undefined
    if (!start) return { kind: 'record', events: [event] }
    return { kind: 'record', events: [this.#governed(start, this.#ruleFor(start)), event] }
  }

  #governed(input: RecordInput, rule: CompiledRule | undefined): GovernedEvent {
    return this.#content.take(input, rule, this.#policy)
  }

  #flushLeftOut(): void {
    const data = this.#leftOut.take(this.#policy.policy, this.#parts.now())
    if (data) this.#due.push({ type: 'events_left_out', source: OWN_SOURCE, data })
  }

  #compiled({ policy: { rules = [] } }: ResolvedPolicy): readonly CompiledRule[] {
    this.#leavesOut ||= rules.some(({ payload }) => payload === 'none')
    return compileRules(rules)
  }

  #stateInForce(): void {
    const { digest, policy } = this.#policy
    if (this.#recordedDigest === undefined || this.#recordedDigest === digest) return
    this.#recordedDigest = digest
    const { name, version } = policy
    const data = { policy: name, ...(version !== undefined && { version }), digest }
    this.#due.push({ type: 'audit_policy_applied', source: OWN_SOURCE, data })
  }

  #reportNoKeys(): void {
    this.#parts.report(
      new AuditLogError(
        'AUDIT_KEY_INVALID',
        'Content is not recorded: the log has no keys for it. Give openAuditLog({ contentKeys: { directory } }), or set SPANLEDGER_CONTENT_KEYS',
      ),
    )
  }
}

const NONE: readonly AuditEventInput[] = []
