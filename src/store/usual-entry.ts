import { isToolType } from '../events/tool-name.js'
import { BEFORE_DATA, HEAD, isGivenLater, toolNameIn } from './decode-entry.js'

/** A {@link HEAD} that begins anywhere in a text, and of which nothing is taken: that takes half the time. */
const SHAPE = new RegExp(HEAD.source.replace(/^\^/, '').replaceAll('"([', '"(?:['), 'y')
const BEFORE_ID = '{"v":1,"id":"'
const BEFORE_TYPE = '","type":"'
const BEFORE_TIME = '","time":"'
const BEFORE_RECORDED_AT = '","recordedAt":"'
/** Behind the name with which a {@link HEAD} ends. */
const AFTER_NAME = '":{'
const DATA = '"data":'

/**
 * The beginning of an entry from which `decodeFiled` takes all that it says, found in a text of many entries. One object
 * serves for all of them, since most entries need no object of their own.
 */
export class UsualEntry {
  /** Type of the event. */
  type = ''
  /** The name of its tool, where its type names one. */
  toolName: string | undefined = undefined
  /** Holds the entry, from {@link start} to before {@link end}. */
  text = ''
  start = 0
  end = 0
  #timeFrom = 0
  #timeTo = 0
  #recordedAtFrom = 0
  #recordedAtTo = 0
  #headTo = 0

  /**
   * Goes to another entry.
   *
   * @param text - holds the entry, each byte as one character, from `start` to before `end`
   * @returns whether it is a usual one: if not, this still tells of another
   */
  find(text: string, start: number, end: number): boolean {
    // Attacker-controlled: an entry in a text of many; one anchored pattern, and nothing is taken from behind `end`.
    SHAPE.lastIndex = start
    if (!SHAPE.test(text)) return false
    const headTo = SHAPE.lastIndex
    if (headTo > end) return false
    this.text = text
    this.start = start
    this.end = end
    this.#headTo = headTo
    const typeFrom = text.indexOf('"', start + BEFORE_ID.length) + BEFORE_TYPE.length
    const typeTo = text.indexOf('"', typeFrom)
    this.type = text.slice(typeFrom, typeTo)
    const isOfTool = isToolType(this.type)
    this.toolName = isOfTool ? toolNameIn(text, headTo, end) : undefined
    if (isOfTool ? this.toolName === undefined : isGivenLater(text, headTo, end)) return false
    this.#timeFrom = typeTo + BEFORE_TIME.length
    this.#timeTo = text.indexOf('"', this.#timeFrom)
    this.#recordedAtFrom = this.#timeTo + BEFORE_RECORDED_AT.length
    this.#recordedAtTo = text.indexOf('"', this.#recordedAtFrom)
    return true
  }

  get id(): string {
    const from = this.start + BEFORE_ID.length
    return this.text.slice(from, this.text.indexOf('"', from))
  }

  get time(): string {
    return this.text.slice(this.#timeFrom, this.#timeTo)
  }

  get recordedAt(): string {
    return this.text.slice(this.#recordedAtFrom, this.#recordedAtTo)
  }

  /** Place of what follows all that is taken, but for the name of a tool: of the name of the next field. */
  get restFrom(): number {
    return this.text.lastIndexOf('"', this.#headTo - AFTER_NAME.length - 1)
  }

  /** Place of the value of `data`; `undefined` where what stands before it is not as it is sealed. */
  get dataFrom(): number | undefined {
    const { text } = this
    const from = this.#headTo - 1
    if (text.startsWith(DATA, from - DATA.length)) return from
    BEFORE_DATA.lastIndex = this.#headTo
    return BEFORE_DATA.test(text) && BEFORE_DATA.lastIndex < this.end ? BEFORE_DATA.lastIndex : undefined
  }

  /** The rest of what is taken: entries with the same text here differ by their types and times alone. */
  get owners(): string {
    return this.text.slice(this.#recordedAtTo, this.#headTo)
  }
}
