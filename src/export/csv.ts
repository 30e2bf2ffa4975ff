import type { StoredEvent } from '../events/types.js'
import { COLUMNS } from './columns.js'
import type { TextEncoding } from './contract.js'

/** The first line. RFC 4180: lines end with CR LF. */
export const CSV_HEADER = `${Object.keys(COLUMNS).join(',')}\r\n`

const cellsOf = Object.values(COLUMNS)

/** One event in a line of its own. */
export function csvRow(event: StoredEvent): string {
  let row = ''
  for (const column of cellsOf) row += row === '' ? cell(column(event)) : `,${cell(column(event))}`
  return `${row}\r\n`
}

export const csv: TextEncoding = { head: CSV_HEADER, next: csvRow }

/** What a spreadsheet takes for the beginning of a formula (OWASP, CSV injection), full-width signs among them. */
const FORMULA = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/

function cell(value: unknown): string {
  if (value === undefined || value === null) return ''
  const text = String(value).replace(FORMULA, "'$&")
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
