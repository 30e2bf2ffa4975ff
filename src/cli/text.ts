import type { RecordedError } from '../events/recorded-fields.js'

/*
 * Models, tools and users wrote the recorded text. Shown on a terminal it may neither move the cursor nor begin
 * a line nor turn the order of the letters around, and nothing in it may be invisible: controls, format characters,
 * surrogates, private and unassigned code points (C), line separators, and what is drawn as nothing (DI), such as tags
 * and variation selectors.
 */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}\p{DI}]/gu
/** The same within JSON, where line breaks stand between values alone. */
const UNPRINTABLE_IN_JSON = /(?!\n)[\p{C}\p{Zl}\p{Zp}\p{DI}]/gu

/**
 * Returns the value as text for a terminal.
 *
 * Attacker-controlled: text of a log or of a file; whatever could move the cursor or hide other text is escaped.
 */
export function printable(value: unknown): string {
  const text = typeof value === 'string' ? value : String(value)
  return text.replace(UNPRINTABLE, (char) => `\\u{${(char.codePointAt(0) as number).toString(16)}}`)
}

/** JSON of the same value in which nothing is unprintable. @param json - one value, or one a line */
export function printableJson(json: string): string {
  return json.replace(UNPRINTABLE_IN_JSON, (char) => {
    const units = Array.from({ length: char.length }, (_, at) => char.charCodeAt(at))
    return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('')
  })
}

/** {@link printable}, where line breaks stay. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n')
}

/** A text in so many columns at most. */
export function shortened(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`
}

/** A timestamp to the millisecond. */
export function shortTime(time: unknown): string {
  return printable(time).replace(/(\.\d{3})\d*Z$/, '$1Z')
}

export function duration(millis: number | undefined): string {
  if (millis === undefined) return ''
  if (millis < 1_000) return `${Math.round(millis)}ms`
  if (millis < 60_000) return `${(millis / 1_000).toFixed(1)}s`
  const minutes = Math.floor(millis / 60_000)
  if (minutes < 60) return `${minutes}m${Math.floor((millis % 60_000) / 1_000)}s`
  return `${Math.floor(minutes / 60)}h${minutes % 60}m`
}

/** US dollars; what is less than one to the hundredth of a cent. */
export function cost(usd: number): string {
  if (usd > 0 && usd < 0.0001) return '<$0.0001'
  return `$${usd >= 1 ? usd.toFixed(2) : usd.toFixed(4).replace(/0{1,2}$/, '')}`
}

export function bytes(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  const power = Math.min(units.length - 1, count > 0 ? Math.floor(Math.log2(count) / 10) : 0)
  return `${(count / 1024 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`
}

/** Returns an error in one text: its code alone where its message cannot be read. */
export function errorText({ code, message }: RecordedError): string {
  return message === undefined ? code : `${code}: ${message}`
}
