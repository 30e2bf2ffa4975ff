/** Most code units of a text that is written unit by unit: a longer one is faster written by JSON and the encoder. */
const MAX_SHORT_LENGTH = 64
/** UTF-8 takes three bytes at most for a UTF-16 code unit. */
export const MAX_UNIT_BYTES = 3
/** An escape in JSON takes six bytes at most. */
const MAX_ESCAPED_BYTES = 6
/** JSON escapes lone surrogates, \\ud800 to \\udfff, and no other characters of that row. */
const ESCAPED_SURROGATE = '\\ud'
const QUOTE = 0x22
const BACKSLASH = 0x5c

/** Tells by its code whether JSON writes an ASCII character as it is. */
const IS_UNESCAPED = Uint8Array.from({ length: 0x80 }, (_, code) =>
  code >= 0x20 && code !== QUOTE && code !== BACKSLASH ? 1 : 0,
)

/** JSON that is written more than once. */
export interface KnownJson {
  /** UTF-8. */
  readonly bytes: Uint8Array
  /** The text holds no lone surrogate, which JSON escapes. */
  readonly isWellFormed: boolean
}

/** Keeps JSON to be written again. */
export function knownJson(json: string): KnownJson {
  return { bytes: Buffer.from(json), isWellFormed: !json.includes(ESCAPED_SURROGATE) }
}

/** Returns kept JSON with more JSON behind it. */
export function followedBy(known: KnownJson, json: string): KnownJson {
  const { bytes, isWellFormed } = knownJson(json)
  return { bytes: Buffer.concat([known.bytes, bytes]), isWellFormed: known.isWellFormed && isWellFormed }
}

/** Most bytes that {@link JsonBytes.text} writes for a text of this length. */
export function mostBytesOfText(length: number): number {
  return 2 + MAX_ESCAPED_BYTES * length
}

/** Writes JSON as UTF-8 into memory that has room for it. */
export class JsonBytes {
  #target: Buffer
  #end: number
  #isWellFormed = true

  constructor(target: Buffer, at: number) {
    this.#target = target
    this.#end = at
  }

  /** Begins another text, there. */
  begin(target: Buffer, at: number): void {
    this.#target = target
    this.#end = at
    this.#isWellFormed = true
  }

  /** Position behind what was written. */
  get end(): number {
    return this.#end
  }

  /** The text holds no lone surrogate. */
  get isWellFormed(): boolean {
    return this.#isWellFormed
  }

  /** Writes JSON that was kept. */
  known({ bytes, isWellFormed }: KnownJson): void {
    this.#target.set(bytes, this.#end)
    this.#end += bytes.length
    if (!isWellFormed) this.#isWellFormed = false
  }

  /** Writes what JSON wrote, or would leave as it is. */
  json(json: string): void {
    this.#end += this.#target.write(json, this.#end, 'utf8')
    if (json.includes(ESCAPED_SURROGATE)) this.#isWellFormed = false
  }

  /** Writes one ASCII character. */
  character(code: number): void {
    this.#target[this.#end++] = code
  }

  /** Writes ASCII over what was written. */
  overwrite(ascii: string, at: number): void {
    this.#target.write(ascii, at, 'latin1')
  }

  /** Copies what was written, from one position to before another, over what stands at `to`. */
  copy(from: number, end: number, to: number): void {
    this.#target.copyWithin(to, from, end)
  }

  /** Writes a text in quotes. */
  text(text: string): void {
    if (text.length > MAX_SHORT_LENGTH || !this.#shortText(text)) this.json(JSON.stringify(text))
  }

  /** @returns whether it holds nothing that JSON escapes or UTF-8 spells in several bytes */
  #shortText(text: string): boolean {
    const target = this.#target
    let at = this.#end
    target[at++] = QUOTE
    for (let unit = 0; unit < text.length; unit++) {
      const code = text.charCodeAt(unit)
      if (IS_UNESCAPED[code] !== 1) return false
      target[at++] = code
    }
    target[at++] = QUOTE
    this.#end = at
    return true
  }
}
