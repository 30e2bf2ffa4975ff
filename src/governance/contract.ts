import type { AuditEvent, AuditEventInput } from '../events/types.js'
import type { RecordInput } from '../log/contract.js'
import type { SealedContent } from '../store/contract.js'

/** The content of an event that is being recorded. */
export interface TakenContent {
  /** The field `content` of the entry. */
  readonly stated: NonNullable<AuditEvent['content']>
  /** Encrypts what is to be kept, for the entry with this leaf hash. Empty where the policy keeps digests alone. */
  seal(leafHash: Uint8Array, recordedIn: string): readonly SealedContent[]
}

/** An event as the policy lets it be recorded. */
export interface GovernedEvent {
  /** Without content, which is `content`, and with what was changed in `altered`. */
  readonly input: RecordInput
  readonly content: TakenContent | undefined
}

/**
 * The decision on an event. `record`: it is recorded, after the start of its run if that was held back. `left_out`: the policy leaves it out.
 * `held`: it is the start of a run of which nothing else is recorded so far, and is held back.
 */
export type Verdict =
  | { readonly kind: 'record'; readonly events: readonly GovernedEvent[] }
  | { readonly kind: 'left_out'; readonly rule: string }
  | { readonly kind: 'held' }

/** The decision on an event that a caller waits for. */
export type AwaitedVerdict = Exclude<Verdict, { readonly kind: 'held' }>

/** Applies the policy to events on their way into a log. One for each log, and for what is staged before it is open. */
export interface Governance {
  /** Never throws: what cannot be read is recorded as it is, without its content. */
  govern(input: RecordInput): Verdict
  /** Decides on an event that a caller waits for: the start of a run is not held back. */
  governAwaited(input: RecordInput): AwaitedVerdict
  /** Returns a statement of a processor about what it has seen, with names and ids that an entry may have. Never throws. */
  fitStatement<T extends RecordInput>(statement: T): T
  /** Resolves when every key that was used outlives loss of power. @throws what the file system throws */
  settled(): Promise<void>
  /** Returns the statements that are due: which policy is in force, and what it left out. @param atEnd - the log is being closed */
  statements(atEnd: boolean): readonly AuditEventInput[]
}
