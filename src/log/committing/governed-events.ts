import { AuditLogError } from '../../events/errors.js'
import type { AuditEventInput } from '../../events/types.js'
import type { Governance, GovernedEvent, Verdict } from '../../governance/contract.js'
import type { AuditStore } from '../../store/contract.js'
import type { RecordInput } from '../contract.js'
import type { Sealed, Sealer } from '../sealing/seal.js'
import { sealGoverned } from '../sealing/seal-governed.js'
import type { CommitListener } from './commit-loop.js'

interface GovernedEventsParts {
  readonly store: Pick<AuditStore, 'id'>
  readonly sealer: Sealer
  /** `undefined` for a log that takes everything as it comes. */
  readonly governance: Governance | undefined
  /** Records a statement of the log. @throws what sealing throws */
  readonly state: (statement: AuditEventInput) => void
}

/** Seals events as the policy lets them be recorded. */
export class GovernedEvents implements CommitListener {
  readonly #parts: GovernedEventsParts

  constructor(parts: GovernedEventsParts) {
    this.#parts = parts
  }

  /** Returns what is to be recorded for an event, its own entry last; none for one that is left out, or held back. */
  seal(input: RecordInput): readonly Sealed[] {
    const { governance } = this.#parts
    const verdict: Verdict | undefined = governance?.govern(input)
    if (verdict === undefined) return [this.#seal({ input, content: undefined }, false)]
    return verdict.kind === 'record' ? verdict.events.map((event) => this.#seal(event, false)) : NONE
  }

  /**
   * {@link seal} for an event that somebody waits for: its start is not held back.
   *
   * @throws AuditLogError `AUDIT_EVENT_LEFT_OUT`
   */
  sealAwaited(input: AuditEventInput): readonly Sealed[] {
    const verdict = this.#parts.governance?.governAwaited(input)
    const isCallerId = input.id !== undefined
    if (verdict === undefined) return [this.#seal({ input, content: undefined }, isCallerId)]
    if (verdict.kind === 'record') {
      const last = verdict.events.length - 1
      return verdict.events.map((event, at) => this.#seal(event, at === last && isCallerId))
    }
    const message = `The event was not stored: the policy leaves it out, by its rule ${JSON.stringify(verdict.rule)}`
    throw new AuditLogError('AUDIT_EVENT_LEFT_OUT', message)
  }

  /** Seals what a log, or the processor that feeds it, says of itself. */
  sealStatement(statement: RecordInput): Sealed {
    const { governance, sealer } = this.#parts
    return sealer.sealStatement(governance?.fitStatement(statement) ?? statement)
  }

  starting(): void {
    this.stateDue(false)
  }

  /** Makes the keys of a group durable before its entries are: an entry must not outlive the key of its content. */
  async prepare(): Promise<Record<never, never>> {
    await this.#parts.governance?.settled()
    return NO_MARKS
  }

  /** Records what the policy has to say. @param atEnd - the log is being closed */
  stateDue(atEnd: boolean): void {
    try {
      for (const statement of this.#parts.governance?.statements(atEnd) ?? []) this.#parts.state(statement)
    } catch {
      // A statement that cannot be sealed is lost, as any event would be.
    }
  }

  #seal(event: GovernedEvent, callerId: boolean): Sealed {
    const { sealer, store } = this.#parts
    return sealGoverned(sealer, event, callerId, store.id)
  }
}

const NONE: readonly Sealed[] = []
const NO_MARKS = Object.freeze({})
