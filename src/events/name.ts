/** UTF-16 code units of the longest name. */
const MAX_NAME_LENGTH = 128
/** UTF-16 code units of the longest id, and of the longest list of names. Neither has blanks inside its parts. */
const MAX_ID_LENGTH = 512
/** Words of the longest name, such as `HTTP 503 Service Unavailable` or `Senior Analyst for European Stock Markets`. */
const MAX_WORDS = 8
/** Words of the longest name that ends as a sentence does. */
const MAX_WORDS_BEFORE_A_STOP = 3
/** Characters of scripts that are written without blanks, counted as one word. */
const IDEOGRAPHS_OF_A_WORD = 4

/** Control characters, characters that change the direction of what is around, and marks of JSON. */
const NO_NAME = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069"]|^\s*[{[]/u
/** Ends a sentence. */
const STOP = /[.!?\u2026](?:\s|$)|[\u3002\uff01\uff1f]/u
const IDEOGRAPHS = /[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Thai}\p{scx=Lao}\p{scx=Khmr}\p{scx=Mymr}]/gu
/** Names with commas between them, such as those of several tools. */
const LIST = /^[^\s,]+(?:, ?[^\s,]+)*$/

/**
 * Tells whether a value is a name, as those of agents, tools, models and error classes are: a sentence is text from outside. A name has at
 * most 128 characters and eight words on one line; where it ends as a sentence does, three.
 */
export function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_NAME_LENGTH && hasFewWords(value)
}

/** Tells whether a value is an id, or a list of names: a {@link isName name}, or up to 512 characters without blanks. */
export function isIdentifier(value: unknown): value is string {
  if (typeof value !== 'string' || value.length > MAX_ID_LENGTH) return false
  return isName(value) || (LIST.test(value) && !NO_NAME.test(value) && wordsOfIdeographs(value) <= MAX_WORDS)
}

function hasFewWords(value: string): boolean {
  if (value.trim() === '' || NO_NAME.test(value)) return false
  const words = value.trim().split(/\s+/u).length + wordsOfIdeographs(value)
  return words <= MAX_WORDS && (words <= MAX_WORDS_BEFORE_A_STOP || !STOP.test(value))
}

function wordsOfIdeographs(value: string): number {
  if (/^[\0-\x7f]*$/.test(value)) return 0
  return Math.floor((value.match(IDEOGRAPHS)?.length ?? 0) / IDEOGRAPHS_OF_A_WORD)
}
