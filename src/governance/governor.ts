import type { ContentKeys } from '../content/contract.js'
import { AuditLogError } from '../events/errors.js'
import { millisBetween, type Timestamp } from '../events/time.js'
import type { AuditEventInput } from '../events/types.js'
import type { RecordInput } from '../log/contract.js'
import { OWN_SOURCE } from '../log/own-source.js'
import type { AwaitedVerdict, Governance, GovernedEvent, Verdict } from './contract.js'
import { EventContent } from './event-content.js'
import { HeldStarts, type LeftOutBy, MAX_HELD_BYTES, MAX_HELD_STARTS } from './held-starts.js'
import { LeftOutEvents } from './left-out.js'
import { type CompiledRule, compileRules } from './policy/matching.js'
import type { ResolvedPolicy } from './policy/resolved.js'

/** Time from one report on what is left out to the next. */
const REPORT_MILLIS = 60 * 60 * 1000

export interface GovernorParts {
  readonly policy: ResolvedPolicy
  /** `undefined` for a log that has no keys: content leaves no trace then. */
  readonly keys: ContentKeys | undefined
  /** The application wants no keys, and knows that no content is kept. @defaultValue false */
  readonly isWithoutKeys?: boolean
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
    this.#held = new HeldStarts(parts.now, () => this.#reportFull())
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
    const by = { rule: rule.name, policy: this.#policy.policy }
    const leaveOut = (each: LeftOutBy) => this.#leftOut.add(each.rule, each.policy, this.#parts.now)
    switch (this.#held.decide(input, by, leaveOut)) {
      case 'record':
        return this.#record(input, rule)
      case 'hold':
        return { kind: 'held' }
      default:
        leaveOut(by)
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
    const start = this.#held.takeStart(input)?.event ?? input
    return { kind: 'record', events: [this.#governed(start, rule)] }
  }

  governStatement(statement: RecordInput): readonly GovernedEvent[] {
    const events = [this.#stated(statement)]
    if (!this.#leavesOut) return events
    if (this.#held.holdsBack(statement)) return NOTHING
    return [...this.#takeStart(statement), ...events]
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
    if (atEnd) for (const { rule, policy } of this.#held.takeAll()) this.#leftOut.add(rule, policy, now)
    if (atEnd || this.#isReportDue()) this.#flushLeftOut()
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
    return { kind: 'record', events: this.#leavesOut ? [...this.#takeStart(input), event] : [event] }
  }

  /** Returns the start of an event's run that was held back, and what was stated on the run since. */
  #takeStart(input: RecordInput): readonly GovernedEvent[] {
    const held = this.#held.takeStart(input)
    if (!held) return NOTHING
    const { event, statements } = held
    return [this.#governed(event, this.#ruleFor(event)), ...statements.map((each) => this.#stated(each))]
  }

  #stated(statement: RecordInput): GovernedEvent {
    return { input: this.#content.ofStatement(statement, this.#policy), content: undefined, isStatement: true }
  }

  #governed(input: RecordInput, rule: CompiledRule | undefined): GovernedEvent {
    return this.#content.take(input, rule, this.#policy)
  }

  #flushLeftOut(): void {
    for (const data of this.#leftOut.take(this.#parts.now())) {
      this.#due.push({ type: 'events_left_out', source: OWN_SOURCE, data })
    }
  }

  /** A clock that was set back says nothing of the time since. */
  #isReportDue(): boolean {
    const { from } = this.#leftOut
    if (from === undefined) return false
    const now = this.#parts.now()
    return now < from || millisBetween(from, now) >= REPORT_MILLIS
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

  #reportFull(): void {
    this.#parts.report(
      new Error(
        `Too many runs of which the policy leaves out everything are open (${MAX_HELD_STARTS}, or ${MAX_HELD_BYTES} bytes): ` +
          'starts and ends of further ones are recorded. Record the ends of runs',
      ),
    )
  }

  #reportNoKeys(): boolean {
    const { isWithoutKeys, report } = this.#parts
    const hasPseudonyms = this.#policy.policy.pseudonyms?.actor === true
    if (isWithoutKeys && !hasPseudonyms) return false
    const what = hasPseudonyms ? 'Neither content nor actors are recorded' : 'Content is not recorded'
    const why = `${what}: the log has no keys for it. Give openAuditLog({ contentKeys: { directory } }), or set SPANLEDGER_CONTENT_KEYS`
    report(new AuditLogError('AUDIT_KEY_INVALID', why))
    return true
  }
}

const NONE: readonly AuditEventInput[] = []
const NOTHING: readonly GovernedEvent[] = []
