import { type CanonicalText, canonicalText, valueBytes } from '../content/canonical.js'
import type { ContentKeys, ContentValueBytes, SubjectKey } from '../content/contract.js'
import { subjectOf } from '../content/subject.js'
import { FROM_TELEMETRY } from '../events/from-telemetry.js'
import { defineMember } from '../events/object-members.js'
import { fieldsOf, textIn } from '../events/recorded-fields.js'
import { toolNameOf } from '../events/tool-name.js'
import type { Alteration, ContentItem } from '../events/types.js'
import type { RecordInput } from '../log/contract.js'
import { MAX_CONTENT_BYTES, type SealedContent } from '../store/contract.js'
import { takeContent } from './content-taker.js'
import type { GovernedEvent, TakenContent } from './contract.js'
import { type FitEvent, FitEvents } from './fit-event.js'
import type { CompiledRule } from './policy/matching.js'
import { builtInLevel, type DiagnosticLevel } from './policy/policy.js'
import type { ResolvedPolicy } from './policy/resolved.js'
import { ACTOR_ID_FIELDS, type ActorIds, actorIdsIn, type PseudonymousScope, pseudonymous } from './pseudonym.js'
import type { TakenValue } from './taken-value.js'

/** Content items of one event. */
const MAX_ITEMS = 64
/** UTF-16 code units of the path of a content field. */
const MAX_FIELD_LENGTH = 512
/** UTF-16 code units of all paths of an event: they are in its entry, which cannot be cut down to less than them. */
const MAX_FIELD_LENGTHS = 4096

/** A value that is kept, and the field that it was. */
interface Kept {
  readonly field: string
  readonly value: ContentValueBytes
}

/** Takes the content out of events: redacts it, and digests it with the key of its subject. */
export class EventContent {
  readonly #keys: ContentKeys | undefined
  readonly #onNoKeys: () => boolean
  readonly #fits: FitEvents
  #hasReported = false

  /** @param onNoKeys - called when there is content and no keys for it, until it tells that it has reported that */
  constructor(keys: ContentKeys | undefined, onNoKeys: () => boolean) {
    this.#keys = keys
    this.#onNoKeys = onNoKeys
    this.#fits = new FitEvents(keys)
  }

  /** Never throws: what cannot be read leaves no trace but that. */
  take(input: RecordInput, rule: CompiledRule | undefined, policy: ResolvedPolicy): GovernedEvent {
    try {
      const emptied = takeContent(input, input.data)
      const fit = this.#fit(input, emptied?.data ?? input.data, policy)
      const people = actorIdsFor(fit?.input ?? input, policy)
      if (!emptied && !fit && !people) return { input, content: undefined }
      const drafted = new DraftedContent(input, policy, () => this.#keyFor(input))
      for (const value of emptied?.values ?? []) drafted.add(value, levelOf(input.type, value, rule))
      for (const value of fit?.values ?? []) drafted.add(value, levelOf(input.type, value, rule))
      const scope = people && pseudonymous(people, (field, id) => drafted.pseudonymOf(field, id), drafted.altered)
      const altered = [...(emptied?.altered ?? []), ...(fit?.altered ?? []), ...drafted.altered]
      const changes = { data: fit?.data ?? emptied?.data, scope, altered }
      return { input: changed(fit?.input ?? input, changes), content: drafted.taken }
    } catch {
      // The actor is left out as well: it may have to be a pseudonym.
      const isPseudonymous = policy.policy.pseudonyms?.actor === true
      return { input: unreadable(input, isPseudonymous), content: undefined }
    }
  }

  /**
   * Returns a statement of the log with names and ids that an entry may have, and with pseudonyms. What they replace is no content of it:
   * other events of the run have it. Never throws.
   */
  ofStatement(statement: RecordInput, policy: ResolvedPolicy): RecordInput {
    try {
      const fit = this.#fit(statement, statement.data, policy)
      const people = actorIdsFor(fit?.input ?? statement, policy)
      if (!fit && !people) return statement
      const altered = [...(fit?.altered ?? [])]
      const scope = people && this.#pseudonymous(statement, people, altered)
      return changed(fit?.input ?? statement, { data: fit?.data, scope, altered })
    } catch {
      return unreadable(statement, policy.policy.pseudonyms?.actor === true)
    }
  }

  #pseudonymous(statement: RecordInput, people: ActorIds, altered: Alteration[]): PseudonymousScope {
    const key = this.#keyFor(statement)
    const pseudonymOf = (field: string, id: string) => {
      if (!key) altered.push({ field, reason: 'key_unavailable' })
      return key?.pseudonymOf(id)
    }
    return pseudonymous(people, pseudonymOf, altered)
  }

  #fit(input: RecordInput, data: unknown, { policy }: ResolvedPolicy): FitEvent | undefined {
    if (!(FROM_TELEMETRY in input)) return undefined
    return this.#fits.fit(input, data, policy, policy.pseudonyms?.actor ? ACTOR_ID_FIELDS : undefined)
  }

  #keyFor(input: RecordInput): SubjectKey | undefined {
    const key = this.#keys?.keyFor(subjectOf(input))
    if (!this.#keys && !this.#hasReported) this.#hasReported = this.#onNoKeys()
    return key
  }
}

function actorIdsFor(input: RecordInput, { policy }: ResolvedPolicy): ActorIds | undefined {
  return policy.pseudonyms?.actor ? actorIdsIn(input) : undefined
}

const UNREADABLE: Alteration = Object.freeze({ field: 'data', reason: 'unreadable' })

function levelOf(type: string, { class: contentClass }: TakenValue, rule: CompiledRule | undefined): DiagnosticLevel {
  const level = contentClass === 'diagnostic' ? rule?.diagnostics : rule?.payload
  if (level === undefined) return builtInLevel(type, contentClass)
  // The event is recorded all the same, for its run.
  return level === 'none' ? 'metadata' : level
}

interface Changes {
  readonly data: unknown
  /** The actor and the claims of callers, with pseudonyms. A member without a value is left out. */
  readonly scope: PseudonymousScope | undefined
  readonly altered: readonly Alteration[]
}

/** An event with other members: what was given is not changed, and keeps members that it inherits. */
function changed(input: RecordInput, changes: Changes): RecordInput {
  const { data, scope, altered } = changes
  const event: RecordInput = Object.create(input)
  if (data !== undefined) defineMember(event, 'data', data)
  if (scope) {
    defineMember(event, 'actor', scope.actor)
    defineMember(event, 'claimed', scope.claimed)
  }
  if (altered.length > 0)
    defineMember(event, 'altered', [...(Array.isArray(input.altered) ? input.altered : []), ...altered])
  return event
}

/** Nothing of the input is read: that may throw once more. */
function unreadable(input: RecordInput, isPseudonymous: boolean): RecordInput {
  const event: RecordInput = Object.create(input)
  defineMember(event, 'data', {})
  defineMember(event, 'altered', [UNREADABLE])
  if (isPseudonymous) for (const name of ['actor', 'claimed']) defineMember(event, name, undefined)
  return event
}

/** The content of one event, as it is put together. */
class DraftedContent {
  readonly altered: Alteration[] = []
  readonly #items: ContentItem[] = []
  readonly #kept: Kept[] = []
  readonly #input: RecordInput
  readonly #policy: ResolvedPolicy
  readonly #findKey: () => SubjectKey | undefined
  #foundKey: { readonly key: SubjectKey | undefined } | undefined
  #bytes = 0

  /** @param findKey - called once, where there is something to digest: most subjects never need a key */
  constructor(input: RecordInput, policy: ResolvedPolicy, findKey: () => SubjectKey | undefined) {
    this.#input = input
    this.#policy = policy
    this.#findKey = findKey
  }

  get taken(): TakenContent | undefined {
    const [key, items, kept] = [this.#foundKey?.key, this.#items, this.#kept]
    if (!key || items.length === 0) return undefined
    return {
      stated: { key: key.id, items },
      seal: (leafHash, recordedIn): readonly SealedContent[] =>
        kept.map(({ field, value }) => ({ field, bytes: key.seal(value, { recordedIn, leafHash, field }) })),
    }
  }

  get #key(): SubjectKey | undefined {
    this.#foundKey ??= { key: this.#findKey() }
    return this.#foundKey.key
  }

  add(taken: TakenValue, level: DiagnosticLevel): void {
    if (level === 'metadata') return
    const { field } = taken
    const key = this.#key
    if (!key) {
      this.altered.push({ field, reason: 'key_unavailable' })
      return
    }
    if (this.#isFull(field)) {
      this.altered.push({ field: field.slice(0, MAX_FIELD_LENGTH), reason: 'removed' })
      return
    }
    const redacted = this.#redacted(taken, canonicalText(taken.value))
    if (redacted) this.#digest(key, taken, redacted, level)
  }

  #isFull(field: string): boolean {
    if (this.#items.length >= MAX_ITEMS || field.length > MAX_FIELD_LENGTH) return true
    return this.#items.reduce((sum, item) => sum + item.field.length, field.length) > MAX_FIELD_LENGTHS
  }

  /** Returns the pseudonym of a person's id, and keeps the id as content. Without a key there is none. */
  pseudonymOf(field: string, id: string): string | undefined {
    const key = this.#key
    if (!key) {
      this.altered.push({ field, reason: 'key_unavailable' })
      return undefined
    }
    const value = valueBytes(id, 'text')
    this.#keep(key, { field, class: 'diagnostic', value: id }, value, 'content')
    return key.pseudonymOf(id)
  }

  #redacted(taken: TakenValue, canonical: CanonicalText): CanonicalText | undefined {
    const { field } = taken
    const isJson = canonical.kind === 'json'
    // Attacker-controlled: a text that was written here from any value, within bounds.
    const { value, found, failed } = this.#policy.redaction.redact({
      value: isJson ? JSON.parse(canonical.text) : canonical.text,
      field,
      class: taken.class,
      type: this.#input.type,
      toolName: toolNameOf(this.#input.type, this.#input.data),
      tenantId: textIn(fieldsOf(this.#input), 'tenantId') ?? 'default',
    })
    if (failed !== undefined) {
      this.altered.push({ field, reason: 'redaction_failed', by: failed })
      return undefined
    }
    for (const { by } of found) this.altered.push({ field, reason: 'redacted', by })
    for (const reason of canonical.reasons) if (reason !== 'truncated') this.altered.push({ field, reason })
    return found.length === 0 ? canonical : { ...canonical, ...redactedText(value, canonical) }
  }

  #digest(
    key: SubjectKey,
    taken: TakenValue,
    { text, kind, reasons, length }: CanonicalText,
    level: DiagnosticLevel,
  ): void {
    const value = valueBytes(text, kind)
    const isCut = value.bytes.length < Buffer.byteLength(text) || text.length < length || reasons.has('truncated')
    if (isCut) this.altered.push({ field: taken.field, reason: 'truncated', originalLength: length })
    this.#keep(key, taken, value, level)
  }

  #keep(key: SubjectKey, taken: TakenValue, value: ContentValueBytes, level: DiagnosticLevel): void {
    const { field, class: contentClass } = taken
    const bytes = value.bytes.length
    const isKept = level === 'content' && this.#bytes + bytes <= MAX_CONTENT_BYTES
    if (level === 'content' && !isKept) this.altered.push({ field, reason: 'removed' })
    this.#items.push({
      field,
      class: contentClass,
      digest: key.digest(value.bytes),
      bytes,
      level: isKept ? 'content' : 'digest',
    })
    if (!isKept) return
    this.#bytes += bytes
    this.#kept.push({ field, value })
  }
}

/** Returns a value after redaction. Its length counts what had been cut off before. */
function redactedText(
  value: unknown,
  { text: before, kind, length }: CanonicalText,
): Pick<CanonicalText, 'text' | 'kind' | 'length'> {
  if (kind === 'text') {
    const text = String(value)
    return { text, kind, length: text.length + length - before.length }
  }
  // What is left of a JSON value is a JSON value.
  const { text, kind: kindNow } = canonicalText(typeof value === 'string' ? JSON.stringify(value) : value)
  return { text, kind: kindNow, length: text.length }
}
