/** Beginnings of the numbers of payment cards, and the digits that such numbers have. */
const ISSUERS: readonly (readonly [RegExp, readonly number[]])[] = [
  [/^4/, [13, 16, 19]],
  [/^(?:5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)/, [16]],
  [/^3[47]/, [15]],
  [/^(?:30[0-5]|309|36|38|39)/, [14, 15, 16, 17, 18, 19]],
  [/^(?:6011|64[4-9]|65)/, [16, 17, 18, 19]],
  [/^35(?:2[89]|[3-8])/, [16, 17, 18, 19]],
  [/^(?:62|81)/, [16, 17, 18, 19]],
  [/^(?:5018|5020|5038|5893|6304|6759|676[1-3]|50|5[6-9]|6)/, [16, 17, 18, 19]],
  [/^220[0-4]/, [16, 17, 18, 19]],
]

/** Tells whether digits are the number of a payment card: by issuer, length and check digit (ISO/IEC 7812-1). */
export function isCard(digits: string): boolean {
  if (/^(\d)\1+$/.test(digits)) return false
  return (
    ISSUERS.some(([start, lengths]) => start.test(digits) && lengths.includes(digits.length)) && hasLuhnDigit(digits)
  )
}

function hasLuhnDigit(digits: string): boolean {
  let sum = 0
  for (let at = digits.length - 1, isSecond = false; at >= 0; at--, isSecond = !isSecond) {
    const digit = Number(digits[at]) * (isSecond ? 2 : 1)
    sum += digit > 9 ? digit - 9 : digit
  }
  return sum % 10 === 0
}

/** Characters of an IBAN, by country: the IBAN registry of SWIFT. */
const IBAN_LENGTHS: ReadonlyMap<string, number> = new Map(
  Object.entries({
    15: 'NO',
    16: 'BE',
    18: 'DK FI FK FO GL NL SD',
    19: 'MK SI',
    20: 'AT BA EE KZ LT LU MN XK',
    21: 'CH CR HR LI LV',
    22: 'BG BH DE GB GE IE ME RS VA',
    23: 'AE GI IL IQ OM SO TL',
    24: 'AD CZ DZ ES MD PK RO SA SE SK TN VG AO CV',
    25: 'GW LY MZ PT ST',
    26: 'IS TR',
    27: 'BI DJ FR GR IT MC MR SM CF CG CM GA GQ KM TD',
    28: 'AL AZ BF BJ BY CI CY DO GT HN HU LB MA MG ML NE NI PL SN SV TG',
    29: 'BR EG PS QA UA',
    30: 'JO KW MU YE',
    31: 'MT SC',
    32: 'LC',
    33: 'RU',
  }).flatMap(([length, countries]) => countries.split(' ').map((country) => [country, Number(length)] as const)),
)

/** Characters that the IBANs of a country have; `undefined` for what is no country that has any. */
export function ibanLength(country: string): number | undefined {
  return IBAN_LENGTHS.get(country)
}

/** Tells whether letters and digits have the check digits of an International Bank Account Number (ISO 13616). */
export function hasIbanCheckDigits(iban: string): boolean {
  let remainder = 0
  for (const character of iban.slice(4) + iban.slice(0, 4)) {
    const value = Number.parseInt(character, 36)
    remainder = (remainder * (value > 9 ? 100 : 10) + value) % 97
  }
  return remainder === 1
}
