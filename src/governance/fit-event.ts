import { createHmac, randomBytes } from 'node:crypto'
import type { ContentKeys, Subject } from '../content/contract.js'
import { PSEUDONYM_PREFIX } from '../content/subject-key.js'
import { defineMember } from '../events/object-members.js'
import type { Alteration } from '../events/types.js'
import type { RecordInput } from '../log/contract.js'
import type { TakenValue } from './taken-value.js'
import { type UnfitText, UnfitTexts } from './unfit-texts.js'

/** The ledger itself: the subject of no event, since each event has a tenant with a name. */
const LEDGER: Subject = Object.freeze({ tenantId: '', kind: 'tenant', id: '' })
/** Without a key of the ledger, equal texts have equal pseudonyms as long as the process runs. */
const keyOfProcess = randomBytes(32)

/** An event whose names and ids are fit for an entry. */
export interface FitEvent {
  readonly input: RecordInput
  readonly data: unknown
  /** The texts that were taken out. */
  readonly values: readonly TakenValue[]
  readonly altered: readonly Alteration[]
}

/** Makes events that come from telemetry fit for an entry: see {@link UnfitTexts}. */
export class FitEvents {
  readonly #keys: ContentKeys | undefined
  #texts: { readonly of: object; readonly texts: UnfitTexts } | undefined

  constructor(keys: ContentKeys | undefined) {
    this.#keys = keys
  }

  /**
   * @param data - of the event, without its content
   * @param policy - that holds now: it switches detectors on and off
   * @param except - fields that something else replaces
   * @returns `undefined` where there is nothing to change
   */
  fit(input: RecordInput, data: unknown, policy: Detecting, except: readonly string[] = []): FitEvent | undefined {
    const texts = this.#textsFor(policy)
    const unfit = texts.in(input, data)?.filter(({ field }) => !except.includes(field))
    const given = Array.isArray(input.altered) ? input.altered : []
    const paths = texts.paths(given)
    if (!unfit?.length && paths === given) return undefined
    return this.#changed(input, data, unfit ?? [], paths)
  }

  #changed(input: RecordInput, data: unknown, unfit: readonly UnfitText[], paths: readonly Alteration[]): FitEvent {
    const event: RecordInput = Object.create(input)
    if (paths.length > 0) defineMember(event, 'altered', paths)
    let members: Record<string, unknown> = { ...input, data }
    const values: TakenValue[] = []
    const altered: Alteration[] = []
    for (const { field, path, value, masked } of unfit) {
      members = withValue(members, path, typeof value === 'number' ? 0 : (masked?.text ?? this.#pseudonymOf(value)))
      if (masked) for (const by of masked.by) altered.push({ field, reason: 'redacted', by })
      else {
        altered.push({ field, reason: 'invalid' })
        values.push({ field, class: 'diagnostic', value })
      }
    }
    for (const name of new Set(unfit.map(({ path: [first] }) => first as string))) {
      defineMember(event, name, members[name])
    }
    return { input: event, data: members.data, values, altered }
  }

  #pseudonymOf(text: string | number): string {
    const key = this.#keys?.keyFor(LEDGER)
    if (key) return key.pseudonymOf(String(text))
    return PSEUDONYM_PREFIX + createHmac('sha256', keyOfProcess).update(String(text)).digest('hex').slice(0, 32)
  }

  #textsFor(policy: Detecting): UnfitTexts {
    if (this.#texts?.of !== policy) this.#texts = { of: policy, texts: new UnfitTexts(policy.redact) }
    return this.#texts.texts
  }
}

/** The part of a policy that switches detectors on or off. */
interface Detecting {
  readonly redact?: Readonly<Record<string, boolean>> | undefined
}

/** Returns a copy of what has a member, with another value there. */
function withValue<T extends object>(holder: T, [name, ...rest]: readonly string[], value: unknown): T {
  const copy = (Array.isArray(holder) ? [...holder] : { ...holder }) as Record<string, unknown>
  const member = copy[name as string]
  defineMember(copy, name as string, rest.length === 0 ? value : withValue(member as object, rest, value))
  return copy as T
}
