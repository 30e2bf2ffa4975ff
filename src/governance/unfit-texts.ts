import { catalogue } from '../events/catalogue.js'
import { isIdentifier, isName } from '../events/name.js'
import { fieldsOf } from '../events/recorded-fields.js'
import type { Alteration } from '../events/types.js'
import type { RecordInput } from '../log/contract.js'
import { type MaskedName, NameRedaction } from './redaction/names.js'

/** A text, or a number, of an event that its entry may not hold. */
export interface UnfitText {
  /** Dotted path in the event. */
  readonly field: string
  readonly path: readonly string[]
  readonly value: string | number
  /** The form that the entry may hold. `undefined` where a pseudonym has to stand for it. */
  readonly masked: MaskedName | undefined
}

/** Members that hold ids: those of the envelope, and of `data`. All others hold names. */
const IDS: ReadonlySet<string> = new Set([
  'id',
  'tenantId',
  'sessionId',
  'runId',
  'parentRunId',
  'supersedes',
  'userId',
  'callId',
  'subThreadId',
  'subRunId',
  'responseId',
  'fromCheckpoint',
  'nonce',
  'grant',
  'onBehalfOf',
  'waitingFor',
])
/** Members of the envelope that telemetry fills in, besides `data` and `altered`. Ids of traces and of the event are made by software. */
const ENVELOPE = [
  'type',
  'tenantId',
  'sessionId',
  'runId',
  'parentRunId',
  'agent',
  'actor',
  'claimed',
  'source',
] as const
/** Levels of `data`, and objects and lists in it: no convention makes more. */
const MAX_DEPTH = 16
const MAX_HOLDERS = 4096
/** A smaller number is no number of a card or an account. */
const MIN_LONG_NUMBER = 1e11
/** Texts that were found to be fit. */
const MAX_REMEMBERED = 4096
const MAX_REMEMBERED_LENGTH = 256
/** A short word, a UUID, or the id of a trace, with that of a span where a run has no other: detectors are not asked, since chance makes cards of digits. */
const PLAIN_TEXT =
  /^(?:[A-Za-z_][\w.-]{0,11}|[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}|[\da-f]{32}(?:-[\da-f]{16})?)$/
const PATH = /^[\w$][\w$.\\[\]-]*$/

/**
 * Finds what an event that was made from telemetry must not have in its entry: texts that are no names and no ids, and names and ids
 * in which a detector finds something. The fields of content have been taken out before.
 */
export class UnfitTexts {
  readonly #redaction: NameRedaction
  /** Each is fit as an id; those that are fit as a name are, too, as a value says. */
  readonly #fit = new Map<string, boolean>()
  #holders = 0

  /** @param switches - detectors that are switched on or off, by their names */
  constructor(switches: Readonly<Record<string, boolean>> | undefined) {
    this.#redaction = new NameRedaction(switches)
  }

  /**
   * @returns `undefined` where everything is fit, as it mostly is
   * @throws RangeError for data that is cyclic, or far larger than what a convention makes; what a getter throws
   */
  in(input: RecordInput, data: unknown): readonly UnfitText[] | undefined {
    const found: UnfitText[] = []
    this.#holders = 0
    const envelope = fieldsOf(input)
    for (const name of ENVELOPE) this.#review(envelope[name], name, found, undefined)
    if (!isOwnStatement(input)) this.#review(data, 'data', found, undefined)
    return found.length > 0 ? found : undefined
  }

  /** Returns what is said of altered fields, without texts that are no paths. */
  paths(altered: readonly Alteration[]): readonly Alteration[] {
    return altered.every((each) => this.#isPath(each)) ? altered : altered.map((each) => this.#withPath(each))
  }

  #isPath({ field, by }: Alteration): boolean {
    return PATH.test(field) && this.#isFit(field, true) && (by === undefined || this.#isFit(by, false))
  }

  #withPath(alteration: Alteration): Alteration {
    if (this.#isPath(alteration)) return alteration
    const { by: _by, ...rest } = alteration
    const [first = 'data'] = alteration.field.split('.', 1)
    return { ...rest, field: /^[a-z]{1,16}$/i.test(first) ? first : 'data' }
  }

  #review(value: unknown, name: string, found: UnfitText[], around: Around | undefined): void {
    if (typeof value === 'string') {
      const isId = IDS.has(name)
      if (!this.#isFit(value, isId)) found.push(this.#unfit(value, { name, around }, isId))
    } else if (typeof value === 'number') {
      if (value < MIN_LONG_NUMBER) return
      const masked = this.#redaction.masked(String(value))
      if (masked) found.push({ ...placed({ name, around }), value, masked })
    } else if (typeof value === 'object' && value !== null) this.#reviewMembers(value, { name, around }, found)
  }

  #reviewMembers(holder: object, around: Around, found: UnfitText[]): void {
    if (++this.#holders > MAX_HOLDERS || depthOf(around) > MAX_DEPTH) throw new RangeError('data is too large')
    if (Array.isArray(holder)) {
      for (let at = 0; at < holder.length; at++) {
        const value: unknown = holder[at]
        // A text in a list is what the list is of.
        if (typeof value === 'object') this.#review(value, String(at), found, around)
        else if (typeof value === 'string' && !this.#isFit(value, false)) {
          found.push(this.#unfit(value, { name: String(at), around }, false))
        }
      }
      return
    }
    for (const name in holder) this.#review((holder as Record<string, unknown>)[name], name, found, around)
  }

  #unfit(value: string, at: Around, isId: boolean): UnfitText {
    // A masked id could be that of another one.
    const masked = isId ? undefined : this.#redaction.masked(value)
    return { ...placed(at), value, masked: masked && isName(masked.text) ? masked : undefined }
  }

  #isFit(text: string, isId: boolean): boolean {
    if (text === '' || PLAIN_TEXT.test(text)) return true
    const known = this.#fit.get(text)
    if (known !== undefined) return isId || known
    const isFitName = isName(text)
    if ((!isFitName && !isIdentifier(text)) || this.#redaction.masked(text)) return false
    if (text.length <= MAX_REMEMBERED_LENGTH) {
      if (this.#fit.size >= MAX_REMEMBERED) this.#fit.clear()
      this.#fit.set(text, isFitName)
    }
    return isId || isFitName
  }
}

/** The place of a value: its name, and where its holder stands. */
interface Around {
  readonly name: string
  readonly around: Around | undefined
}

function placed(at: Around): Pick<UnfitText, 'field' | 'path'> {
  const path: string[] = []
  for (let each: Around | undefined = at; each; each = each.around) path.unshift(each.name)
  return { field: path.map((name) => name.replace(/[.\\]/g, '\\$&')).join('.'), path }
}

function depthOf(at: Around): number {
  let depth = 0
  for (let each: Around | undefined = at; each; each = each.around) depth++
  return depth
}

/** `custom` events and types of its own that an application records are its own statement. */
function isOwnStatement({ type, source }: RecordInput): boolean {
  return source?.convention === 'spanledger' && (type === 'custom' || !Object.hasOwn(catalogue, type))
}
