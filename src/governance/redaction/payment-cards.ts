import { isCard } from './check-digits.js'
import type { Take } from './text-view.js'
import { mayCardWrapIn, takeWrappedCards } from './wrapped-cards.js'

/** The last digits of a card stay. */
const KEPT_DIGITS = 4
const MIN_DIGITS = 13
const MAX_DIGITS = 19
/** Groups of digits, with separators between any two of them. */
const RUN = /\d+(?:(?: - |[ ._/+-]{1,2})\d+)*/g
const ENOUGH = /\d(?:(?: - |[ ._/+-]{1,2})?\d){12}/
/** Digits of the groups that issuers print: found anywhere among other digits. */
const SHAPES = new Set(
  '4-4-4-4 4-6-5 4-6-4 4-4-4-1 4-3-3-3 4-4-5 4-4-4-4-1 4-4-4-4-2 4-4-4-4-3 4-4-8 8-8 6-10 6-13 4-4-4-5 4-4-4-6 4-4-4-7'.split(
    ' ',
  ),
)
/** Groups of a card in any other shape, which is found where other digits begin or end. */
const MAX_GROUPS = 6

const MAX_WORD_LENGTH = 128
const MIN_HASH_LENGTH = 24

interface Group {
  readonly start: number
  readonly digits: string
  /** Between it and the group before. */
  readonly separator: string
}

/** Cheap to ask: `false` where no card can be in a text. */
export function mayCardBeIn(text: string): boolean {
  return ENOUGH.test(text) || mayCardWrapIn(text)
}

/** Takes the numbers of payment cards, but for their last digits. */
export function takeCards(text: string, take: Take): void {
  for (const { 0: run, index } of text.matchAll(RUN)) {
    if (run.length >= MIN_DIGITS) new CardFinder(text, groupsOf(run, index), take).find()
  }
  takeWrappedCards(text, take)
}

function groupsOf(run: string, start: number): Group[] {
  const groups: Group[] = []
  let end = 0
  for (const { 0: digits, index } of run.matchAll(/\d+/g)) {
    groups.push({ start: start + index, digits, separator: run.slice(end, index) })
    end = index + digits.length
  }
  return groups
}

/**
 * Looks for cards among groups of digits. The last digits of a card that was found stay, and begin the groups that are left: so nothing is found
 * there when the text is looked at once more.
 */
class CardFinder {
  readonly #text: string
  readonly #groups: Group[]
  readonly #take: Take
  /** The first group that is left. */
  #first = 0

  constructor(text: string, groups: Group[], take: Take) {
    this.#text = text
    this.#groups = groups
    this.#take = take
  }

  find(): void {
    for (let at = 0; at < this.#groups.length; at++) {
      const end = this.#endOfCard(at, this.#groups.length)
      if (end === undefined) continue
      this.#takeBefore(at)
      this.#mask(at, end)
      this.#first = end - 1
      at = end - 2
    }
  }

  /** Takes the cards among the groups before a card: the last of these groups ends there now. */
  #takeBefore(before: number): void {
    for (let end = before, at = end - 1; at >= this.#first && end - at <= MAX_DIGITS; at--) {
      if (this.#endOfCard(at, end) !== end) continue
      this.#mask(at, end)
      end = at
    }
  }

  #mask(first: number, end: number): void {
    const { start } = this.#groups[first] as Group
    const last = this.#groups[end - 1] as Group
    let kept = KEPT_DIGITS
    let group = end - 1
    while ((this.#groups[group] as Group).digits.length < kept) kept -= (this.#groups[group--] as Group).digits.length
    const { start: groupStart, digits } = this.#groups[group] as Group
    this.#take(start, groupStart + digits.length - kept)
    const left = last.digits.slice(-KEPT_DIGITS)
    this.#groups[end - 1] = { start: last.start + last.digits.length - left.length, digits: left, separator: '' }
  }

  /** Index behind the last group of the longest card that begins at a group, and ends before another. */
  #endOfCard(first: number, limit: number): number | undefined {
    let digits = ''
    const ends: [number, string][] = []
    for (let end = first; end < limit && digits.length <= MAX_DIGITS; ) {
      digits += (this.#groups[end++] as Group).digits
      if (digits.length >= MIN_DIGITS && digits.length <= MAX_DIGITS) ends.push([end, digits])
    }
    return ends.findLast(([end, all]) => isCard(all) && this.#isShaped(first, end, limit, all))?.[0]
  }

  #isShaped(first: number, end: number, limit: number, digits: string): boolean {
    const window = this.#groups.slice(first, end)
    if (window.length === 1) return this.#isLone(window[0] as Group)
    if (SHAPES.has(window.map((group) => group.digits.length).join('-'))) return true
    if (digits.length === MIN_DIGITS || window.some(({ separator }, at) => at > 0 && /[./+]/.test(separator)))
      return false
    const { start } = window[0] as Group
    const begins = first === this.#first && !/[A-Za-z]-?$/.test(this.#text.slice(Math.max(0, start - 2), start))
    const last = window.at(-1) as Group
    const behind = last.start + last.digits.length
    const ends = end === limit && !/^-?[A-Za-z]/.test(this.#text.slice(behind, behind + 2))
    return window.length <= MAX_GROUPS ? begins || ends : begins && ends
  }

  /** Digits without separators: no fraction, no telephone number, and no part of a hash. */
  #isLone({ start, digits }: Group): boolean {
    const before = this.#text.slice(Math.max(0, start - MAX_WORD_LENGTH), start)
    if (/\d\.$/.test(before) || (before.endsWith('+') && digits.length < 16)) return false
    const behind = this.#text.slice(start + digits.length, start + digits.length + MAX_WORD_LENGTH)
    const word = `${/[A-Za-z\d]*$/.exec(before)?.[0]}${digits}${/^[A-Za-z\d]*/.exec(behind)?.[0]}`
    return word.length < MIN_HASH_LENGTH || !/^[a-f\d]+$/i.test(word) || /^\d+$/.test(word)
  }
}
