import { isMaskable, masked } from './mask.js'
import { remembering } from './remembering.js'

/** A part of a text: the position of its first character, and the one behind its last. */
export type Span = readonly [start: number, end: number]

/** Takes the position of something that is masked. */
export type Take = (start: number, end: number) => void

/** Characters of a text that its view has in another form. */
interface Piece {
  /** Position in the view. */
  readonly at: number
  /** The same in the text. */
  readonly from: number
  readonly to: number
  /** The characters of the view; none for a character that nobody sees. */
  readonly as: string
}

const MAY_HAVE_PIECES = /[\\%&]|[^\0-\x7f]/
const INVISIBLE = String.raw`\p{Cf}\ufe00-\ufe0f\u20e3\u034f`
const OTHER = new RegExp(String.raw`[\p{Nd}\p{Zs}\p{Pd}\u2018-\u201f\u2212\uff01-\uff5e${INVISIBLE}]`, 'u')

const INVISIBLES = new RegExp(`[${INVISIBLE}]`, 'u')

/** Escapes of JSON, of URLs and of HTML, also of escaped texts. */
const ESCAPE = new RegExp(
  [
    String.raw`(?<!\\)\\+(?:u[\da-f]{4}|[nrtbf])`,
    String.raw`%(?:25)*(?:[0-7][\da-f]|[c-f][\da-f](?:%(?:25)*[89ab][\da-f]){1,3})`,
    String.raw`&(?:amp;)*(?:lt|gt|quot|apos|#\d{1,7}|#x[\da-f]{1,6});`,
  ].join('|'),
  'iy',
)

/** Stands in a view for a line that begins within an escaped text, or for a tab. It is a space to patterns. */
export const ESCAPED_SPACE = '\u2028'

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'" }

/**
 * A text as detectors see it: without escapes, with the digits, spaces, dashes and quotes of ASCII, and without characters that nobody
 * sees. So a pattern is written once, for plain characters. What is found in the view is masked in the text.
 */
export class TextView {
  readonly text: string
  readonly #source: string
  readonly #pieces: readonly Piece[]

  constructor(source: string) {
    this.#source = source
    const pieces: Piece[] = []
    this.#pieces = pieces
    this.text = MAY_HAVE_PIECES.test(source) ? viewed(source, pieces) : source
  }

  /** Returns the text with masks over parts of the view, which may overlap, and the number of the masks. */
  masked(spans: readonly Span[]): { readonly text: string; readonly count: number } {
    let text = ''
    let done = 0
    let count = 0
    for (const [start, end] of united(spans)) {
      const from = this.#position(start)
      const to = this.#position(end)
      const hidden = this.#hidden(from, to)
      text += this.#source.slice(done, from) + hidden
      if (hidden !== this.#source.slice(from, to)) count++
      done = to
    }
    return { text: text + this.#source.slice(done), count }
  }

  /** Position in the text of a position in the view. */
  #position(at: number): number {
    const piece = this.#pieces[this.#firstPiece((each) => each.at >= at) - 1]
    return piece ? piece.to + at - piece.at - piece.as.length : at
  }

  /** Index of the first piece for which a condition holds, which then holds for those behind it. */
  #firstPiece(holds: (piece: Piece) => boolean): number {
    let low = 0
    let high = this.#pieces.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (holds(this.#pieces[middle] as Piece)) high = middle
      else low = middle + 1
    }
    return low
  }

  #hidden(from: number, to: number): string {
    let hidden = ''
    let done = from
    for (let next = this.#firstPiece((piece) => piece.from >= from); next < this.#pieces.length; next++) {
      const piece = this.#pieces[next] as Piece
      if (piece.from >= to) break
      const source = this.#source.slice(piece.from, piece.to)
      hidden += masked(this.#source.slice(done, piece.from)) + (isMaskable(piece.as) ? maskedPiece(source) : source)
      done = piece.to
    }
    return hidden + masked(this.#source.slice(done, to))
  }
}

function viewed(source: string, pieces: Piece[]): string {
  let text = ''
  let done = 0
  for (let at = 0; at < source.length; at++) {
    const code = source.charCodeAt(at)
    if (code < 128 ? !isEscaping(code) : isPlainCode(code)) continue
    const found = code < 128 ? escapeAt(source, at) : characterAt(source, at)
    const as = found === undefined ? undefined : plain(found)
    if (found === undefined || as === undefined || as === found) continue
    text += source.slice(done, at)
    done = at + found.length
    pieces.push({ at: text.length, from: at, to: done, as })
    text += as
    at = done - 1
  }
  return text + source.slice(done)
}

function isEscaping(code: number): boolean {
  return code === 0x5c || code === 0x25 || code === 0x26
}

/** Letters of most scripts, which stay as they are. */
function isPlainCode(code: number): boolean {
  if (code >= 0x4e00 && code <= 0x9fff) return true
  plainCodes ??= Uint8Array.from({ length: 0x10000 }, (_, each) => Number(!OTHER.test(String.fromCharCode(each))))
  return plainCodes[code] === 1 && (code < 0xd800 || code > 0xdfff)
}

let plainCodes: Uint8Array | undefined

function escapeAt(source: string, at: number): string | undefined {
  ESCAPE.lastIndex = at
  return ESCAPE.exec(source)?.[0]
}

function characterAt(source: string, at: number): string | undefined {
  const character = String.fromCodePoint(source.codePointAt(at) as number)
  return OTHER.test(character) ? character : undefined
}

/** The plain characters of a piece; `undefined` for what turns out to be none. */
const plain = remembering(plainOf)

function plainOf(piece: string): string | undefined {
  switch (piece[0]) {
    case '\\':
      return piece.length < 6 || !/u[\da-f]{4}$/i.test(piece)
        ? ESCAPED_SPACE
        : plainCharacter(String.fromCharCode(Number.parseInt(piece.slice(-4), 16)))
    case '%':
      return ofPercent(piece)
    case '&':
      return ofEntity(piece.slice(piece.lastIndexOf('&') + 1, -1).replace(/^.*;/, ''))
    default:
      return plainCharacter(piece)
  }
}

function ofPercent(piece: string): string | undefined {
  try {
    return plainCharacter(decodeURIComponent(piece.replace(/%(?:25)+(?=[\da-f]{2})/gi, '%')))
  } catch {
    return undefined
  }
}

function ofEntity(name: string): string | undefined {
  if (!name.startsWith('#')) return ENTITIES[name.toLowerCase()]
  const code = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1))
  return code > 0 && code <= 0x10ffff ? plainCharacter(String.fromCodePoint(code)) : undefined
}

function plainCharacter(character: string): string {
  if (character <= '\x7f') return character
  if (INVISIBLES.test(character)) return ''
  if (/\p{Zs}/u.test(character)) return ' '
  if (/[\p{Pd}\u2212]/u.test(character)) return '-'
  if (/[\u2018-\u201b]/.test(character)) return "'"
  if (/[\u201c-\u201f]/.test(character)) return '"'
  const compatible = character.normalize('NFKC')
  if (/^[\0-\x7f]$/.test(compatible)) return compatible
  return /\p{Nd}/u.test(character) ? digitOf(character) : character
}

/** The ASCII digit of any decimal digit. The digits of a script have ten code points, which begin at one that ends in 0 or 6. */
function digitOf(character: string): string {
  const code = character.codePointAt(0) as number
  const last = code & 0xf
  const isFromSix = last > 9 || (last > 5 && !/\p{Nd}/u.test(String.fromCodePoint(code - last)))
  return String(isFromSix ? last - 6 : last)
}

/** An escape of `*` in place of an escape, and as long. */
function maskedPiece(source: string): string {
  if (source[0] === '\\') return `${source.slice(0, -4)}002a`
  if (source[0] === '%') return source.replace(/[\da-f]{2}(?=%|$)/gi, '2A')
  if (source[0] !== '&') return '*'.repeat(source.length)
  return source.replace(/(#x?)(\w+);$/i, (_, mark: string, digits: string) => {
    return `${mark}${(mark.length > 1 ? '2a' : '42').padStart(digits.length, '0')};`
  })
}

function united(spans: readonly Span[]): Span[] {
  const sorted = spans.toSorted(([one], [other]) => one - other)
  const result: [number, number][] = []
  for (const [start, end] of sorted) {
    const last = result.at(-1)
    if (last && start < last[1]) last[1] = Math.max(last[1], end)
    else if (end > start) result.push([start, end])
  }
  return result
}
