import type { StoredEvent } from '../events/types.js'
import type { ContentChoice } from '../reader/content/choice.js'
import { COLUMNS, CONTENT_COLUMN, contentJson } from './columns.js'
import type { TextEncoding } from './contract.js'

/** The header line of the CSV format. RFC 4180: lines end with CR LF. */
export const CSV_HEADER = `${Object.keys(COLUMNS).join(',')}\r\n`

/** In JSON a semicolon can be said otherwise, so that it stays what it is. */
function withoutSemicolons(json: string | undefined): string | undefined {
  return json?.replaceAll(';', '\\u003b')
}

const cellsOf: readonly ((event: StoredEvent) => string | number | undefined)[] = Object.values({
  ...COLUMNS,
  data: (event: StoredEvent) => withoutSemicolons(COLUMNS.data(event)),
})

/** Returns one event as a line of CSV. */
export function csvRow(event: StoredEvent): string {
  return `${cellsIn(event)}\r\n`
}

function cellsIn(event: StoredEvent): string {
  let row = ''
  for (const column of cellsOf) row += row === '' ? cell(column(event)) : `,${cell(column(event))}`
  return row
}

/** Returns the encoding of CSV. @param content - the content of the events is asked for, and has a column */
export function csv(content: ContentChoice): TextEncoding {
  if (content === 'none') return { head: CSV_HEADER, next: csvRow }
  return {
    head: CSV_HEADER.replace('\r\n', `,${CONTENT_COLUMN}\r\n`),
    next: (event) => `${cellsIn(event)},${cell(withoutSemicolons(contentJson(event)))}\r\n`,
  }
}

/**
 * The characters that begin a formula (OWASP, CSV injection): equals, plus, minus, at. Includes the characters that
 * Unicode normalization (NFKC) turns into these.
 */
const TRIGGER =
  /[=\u207c\u208c\ufe66\uff1d+\u207a\u208a\ufb29\ufe62\uff0b\-\u207b\u208b\u2212\ufe63\uff0d@\ufe6b\uff20]/
/** Characters that a spreadsheet or a paste may strip off a cell first: blanks, quotes and invisible characters. */
const STRIPPED = /[\s\p{C}\p{Z}\p{DI}"'`]/u
/** Begins a cell where the semicolon or the tab parts cells, or a line where quotes are not minded. */
const SEPARATORS = ';\t\r\n'

/**
 * Puts an apostrophe before each formula, by which a spreadsheet knows a text. The first character of a cell decides that
 * is not stripped off. Cells begin inside of a text, too, behind a separator: where the comma is the decimal sign the
 * semicolon parts cells, and a quote that is not at the start of a cell is none.
 */
function withoutFormulas(text: string): string {
  const isControlled = text !== '' && '\t\r\n'.includes(text[0] as string)
  if (!isControlled && !TRIGGER.test(text)) return text
  let safe = ''
  let taken = 0
  let isAtStart = true
  let mayBegin = true
  for (let at = 0; at < text.length; at++) {
    const unit = text[at] as string
    if (SEPARATORS.includes(unit)) {
      mayBegin = true
      isAtStart &&= unit !== ';'
    } else if (mayBegin && TRIGGER.test(unit)) {
      // At the start of the text it stands at the start of the cell.
      if (!isAtStart) {
        safe += `${text.slice(taken, at)}'`
        taken = at
      } else safe = "'"
      mayBegin = false
      isAtStart = false
    } else if (mayBegin && !isStripped(text, at)) {
      mayBegin = false
      isAtStart = false
    }
  }
  safe += text.slice(taken)
  return isControlled && !safe.startsWith("'") ? `'${safe}` : safe
}

/** Halves of a surrogate pair count as what they make together. */
function isStripped(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  const isSecondHalf = code >= 0xdc00 && code <= 0xdfff && at > 0
  return STRIPPED.test(String.fromCodePoint(text.codePointAt(isSecondHalf ? at - 1 : at) as number))
}

function cell(value: unknown): string {
  if (value === undefined || value === null) return ''
  if (typeof value === 'number') return String(value)
  const text = withoutFormulas(String(value))
  return /[",;\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
