/** A quote that begins a text, and the backslashes before it, as in JSON within a JSON text. */
const OPENING = /(?:br|rb|[bruf])?(\\*)("{3}|'{3}|["'`])/iy

/** A text in quotes. */
export interface Quoted {
  readonly start: number
  readonly end: number
  /** Position behind the closing quote; {@link end} where it has none. */
  readonly next: number
}

/** Finds the quoted text that begins at a position: up to its closing quote, or the end of the line; `undefined` when none begins there. */
export function quotedAt(text: string, at: number): Quoted | undefined {
  OPENING.lastIndex = at
  const opening = OPENING.exec(text)
  if (!opening) return undefined
  const [, backslashes = '', quote = ''] = opening
  const start = OPENING.lastIndex
  if (quote.length === 3) {
    const close = text.indexOf(quote, start)
    return close === -1 ? { start, end: text.length, next: text.length } : { start, end: close, next: close + 3 }
  }
  const step = backslashes.length + 1
  const ends = quote === '"' ? /["\n]/g : quote === "'" ? /['\n]/g : /[`\n]/g
  ends.lastIndex = start
  for (let end = ends.exec(text); end; end = ends.exec(text)) {
    if (end[0] === '\n') return { start, end: end.index, next: end.index }
    const before = backslashesBefore(text, end.index)
    // A quote that is escaped once more than the opening one is a part of the text. One that is escaped less ends what is around it.
    if (before % (2 * step) < step) return { start, end: Math.max(start, end.index - before), next: end.index + 1 }
  }
  return { start, end: text.length, next: text.length }
}

function backslashesBefore(text: string, end: number): number {
  let count = 0
  while (text[end - 1 - count] === '\\') count++
  return count
}
