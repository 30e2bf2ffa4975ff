import { isCard } from './check-digits.js'
import { NEXT_LINE } from './next-line.js'
import type { Take } from './text-view.js'

/** The last group of a card stays. */
const KEPT_DIGITS = 4

const GROUPS = String.raw`\d{4}(?:[ -]\d{4}){0,2}`
const BEFORE = String.raw`(?<!\d[._/+-]?|\d{4}[ -]|\d${NEXT_LINE})`
const BEHIND = String.raw`(?![._/+-]?\d|[ -]\d{4}|${NEXT_LINE}\d)`
/** Groups of four digits on two lines. A line of digits before or behind them makes them a table of numbers. */
const WRAPPED = new RegExp(`${BEFORE}${GROUPS}${NEXT_LINE}${GROUPS}${BEHIND}`, 'g')
const MAY_WRAP = new RegExp(String.raw`\d{4}${NEXT_LINE}\d{4}`)

/** Cheap to ask: `false` where no card that continues on the next line can be in a text. */
export function mayCardWrapIn(text: string): boolean {
  return MAY_WRAP.test(text)
}

/** Takes the numbers of payment cards that continue on the next line, but for their last digits. */
export function takeWrappedCards(text: string, take: Take): void {
  for (const { 0: found, index } of text.matchAll(WRAPPED)) {
    if (isCard(found.replace(/\D/g, ''))) take(index, index + found.length - KEPT_DIGITS)
  }
}
