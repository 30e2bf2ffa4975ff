import type { Take } from './text-view.js'

const ADDRESS =
  /(?<![\p{L}\p{N}._%+-])[\p{L}\p{N}][\p{L}\p{N}._%+-]{0,63}@(?!\d{1,2}x\.)(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,61}[\p{L}\p{N}])?\.){1,8}\p{L}[\p{L}\p{N}-]{1,62}/gu

/** Cheap to ask: `false` where no e-mail address can be in a text. */
export function mayEmailBeIn(text: string): boolean {
  return text.includes('@')
}

/** Takes e-mail addresses. */
export function takeEmails(text: string, take: Take): void {
  for (const { 0: address, index } of text.matchAll(ADDRESS)) take(index, index + address.length)
}

/** Telephone numbers: with the code of a country, with the 0 of a national number, and as in North America. */
const NUMBER = new RegExp(
  [
    String.raw`(?:\+|00)[ ]?[1-9](?:[ ./()-]{0,3}\d){6,14}`,
    String.raw`\(?0[1-9]\d{0,4}\)?(?:[ ./-]{1,3}\d{2,8}){1,5}`,
    String.raw`0[1-9]\d{8,10}`,
    String.raw`(?:1[ .-])?(?:\(\d{3}\)[ ]?|\d{3}[ .-])\d{3}[ .-]\d{4}`,
  ]
    .map((form) => String.raw`(?<![\w.+/*-])(?:${form})(?![\w*]|[.-]\d)`)
    .join('|'),
  'g',
)
const DATE = /^\d{1,2}([./-])\d{1,2}\1\d{2,4}(?!\d)|^\d{1,2}[./-]\d{4}$/
const MIN_DIGITS = 7
/** The last digits of a telephone number stay. */
const KEPT_DIGITS = 2

/** Cheap to ask: `false` where no telephone number can be in a text. */
export function mayTelephoneBeIn(text: string): boolean {
  return /\d[ ./()-]{0,3}\d/.test(text)
}

/** Takes telephone numbers, but for their last digits. */
export function takeTelephones(text: string, take: Take): void {
  for (const { 0: number, index } of text.matchAll(NUMBER)) {
    if (DATE.test(number) || number.replace(/\D/g, '').length < MIN_DIGITS) continue
    take(index, index + number.replace(new RegExp(`(?:\\d\\D*){${KEPT_DIGITS}}$`), '').length)
  }
}
