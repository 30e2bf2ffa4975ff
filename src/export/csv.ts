import type { StoredEvent } from '../events/types.js'
import { COLUMNS } from './columns.js'
import type { TextEncoding } from './contract.js'

/** The first line. RFC 4180: lines end with CR LF. */
export const CSV_HEADER = `${Object.keys(COLUMNS).join(',')}\r\n`

/** In JSON a semicolon can be said otherwise, so that it stays what it is. */
const cellsOf: readonly ((event: StoredEvent) => string | number | undefined)[] = Object.values({
  ...COLUMNS,
  data: (event: StoredEvent) => COLUMNS.data(event)?.replaceAll(';', '\\u003b'),
})

/** One event in a line of its own. */
export function csvRow(event: StoredEvent): string {
  let row = ''
  for (const column of cellsOf) row += row === '' ? cell(column(event)) : `,${cell(column(event))}`
  return `${row}\r\n`
}

export const csv: TextEncoding = { head: CSV_HEADER, next: csvRow }

/**
 * Where a spreadsheet takes what follows for a formula (OWASP, CSV injection; full-width signs among them): at the start,
 * and inside of a text behind a semicolon and a line break, since where the comma is the decimal sign the semicolon begins
 * the next cell, and a quote that is not at the start of a cell is none.
 */
const FORMULA =
  /^(?=[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20])|(?=[=+\-@\uff1d\uff0b\uff0d\uff20])(?<=;"*|[\s\S][\t\r\n]"*)/g

function cell(value: unknown): string {
  if (value === undefined || value === null) return ''
  if (typeof value === 'number') return String(value)
  const text = String(value).replace(FORMULA, "'")
  return /[",;\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
