/** The numbers of a JSON text of which strings were taken out. */
const NUMBERS = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g
/** The parts of one. */
const PARTS = /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/
/** A number that has so many digits, or an exponent, may be more than a double can hold. */
const MAY_BE_INEXACT = /\d(?:\.?\d){15}|\d[eE]/

/**
 * Tells whether every number of a JSON text is exactly the number that is written for it after parsing. Otherwise two texts that say
 * different numbers would become equal: `1e-400` and `0`, or 2^53 and the integer behind it.
 *
 * @param json - a valid JSON text without its strings
 */
export function areExactNumbers(json: string): boolean {
  if (!MAY_BE_INEXACT.test(json)) return true
  for (const [number] of json.matchAll(NUMBERS)) {
    if (decimalOf(number) !== decimalOf(JSON.stringify(Number(number)))) return false
  }
  return true
}

/** Returns a number in one form: its digits without zeros at either end, and their power of ten. The sign of zero is not told apart. */
function decimalOf(number: string): string {
  const [, whole = '', fraction = '', exponent = '0'] = PARTS.exec(number) ?? []
  const digits = `${whole}${fraction}`
  let [from, to] = [0, digits.length]
  while (from < to && digits[from] === '0') from++
  while (to > from && digits[to - 1] === '0') to--
  if (from === to) return '0'
  const power = Number(exponent) - fraction.length + digits.length - to
  return `${number.startsWith('-') ? '-' : ''}${digits.slice(from, to)}e${power}`
}
