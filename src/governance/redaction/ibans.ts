import { hasIbanCheckDigits, ibanLength } from './check-digits.js'
import { NEXT_LINE } from './next-line.js'
import type { Take } from './text-view.js'

/** Stands between two characters: the number may continue on the next line. */
const BETWEEN = `(?:[ ._/-]|${NEXT_LINE})`
/** The country and the check digits; the country stays. */
const BEGINNING = new RegExp(String.raw`(?<![A-Za-z\d])[A-Za-z]{2}[ -]?\d{2}(?=${BETWEEN}?[A-Za-z\d])`, 'g')
const SEPARATOR = new RegExp(String.raw`${BETWEEN}(?=[A-Za-z\d])`, 'y')
const COUNTRY_LENGTH = 2
const MAY_BEGIN = new RegExp(String.raw`[A-Za-z]{2}[ -]?\d{2}${BETWEEN}?[A-Za-z\d]`)

/** Cheap to ask: `false` where no IBAN can be in a text. */
export function mayIbanBeIn(text: string): boolean {
  return MAY_BEGIN.test(text)
}

/** Takes International Bank Account Numbers, but for their countries. */
export function takeIbans(text: string, take: Take): void {
  BEGINNING.lastIndex = 0
  for (let begun = BEGINNING.exec(text); begun; begun = BEGINNING.exec(text)) {
    const end = endOfIban(text, begun.index, ibanLength(begun[0].slice(0, COUNTRY_LENGTH).toUpperCase()))
    if (end === undefined) continue
    take(begun.index + COUNTRY_LENGTH, end)
    BEGINNING.lastIndex = end
  }
}

/** As many letters and digits as the country has, with a separator or none between any two of them. */
function endOfIban(text: string, start: number, length = 0): number | undefined {
  let iban = ''
  let at = start
  while (iban.length < length) {
    const character = text[at] ?? ''
    if (/[A-Za-z\d]/.test(character)) {
      iban += character
      at++
      continue
    }
    SEPARATOR.lastIndex = at
    if (!SEPARATOR.test(text)) return undefined
    at = SEPARATOR.lastIndex
  }
  // Words of a sentence are no account number.
  if (length === 0 || iban.replace(/\D/g, '').length < length / 3 || /[A-Za-z\d]/.test(text[at] ?? '')) return undefined
  return hasIbanCheckDigits(iban.toUpperCase()) ? at : undefined
}
