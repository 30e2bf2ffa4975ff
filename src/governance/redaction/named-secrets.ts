import { characterTable } from './character-table.js'
import { quotedAt } from './quoted.js'
import { MAX_NAME_LENGTH, NAME_MARK, type SecretKind, secretKind } from './secret-names.js'
import { behindScheme, isCount, isPlainValue, takeValue } from './secret-values.js'
import { ESCAPED_SPACE, type Take } from './text-view.js'

const MARKS = new RegExp(NAME_MARK, 'gi')
const NAME_CHARACTERS = characterTable(/[\w.$-]/)
const LETTER = /[\p{L}\p{N}]/u

/** A name in a text whose value is a secret. */
interface Named {
  readonly start: number
  readonly end: number
  readonly name: string
  readonly kind: SecretKind
  /** It is an option of a command: `--password`. */
  readonly isFlag: boolean
}

/** A value, or what stands between a name and its value, begins with one of them. */
const VALUE_MARKS = `=:>-"'\`\\])*?,<%${ESCAPED_SPACE}`
const ASSIGNED = /(?:\\*["'`])?(?:%5D|\])?(?:\*\*)?(\??)\s{0,8}(?:=>|:=|={1,3}|:(?!:)|->)(?:\*\*(?=[ \t]))?[ \t]{0,8}/y
const LINE_BREAK = /\s{0,40}(?=\\*["'`])/y
const NAMED_QUOTE = /["'`]\s{0,8}[:=]/y
const ANNOTATED = /[ \t]{0,8}=[ \t]{0,8}/y
const BLOCK = /[|>][+-]?\d?[ \t]*\n(?:[ \t]+[^\n]*(?:\n|$)){1,200}/y
const LIST_ITEM = /[\s,]{0,40}(?=\\*["'`])/y
const UNQUOTED =
  /(?:[^\s"'`,;&<>]|["'`](?=[\p{L}\p{N}])|[,;&](?!\s|$|[\w.%-]{1,40}[ \t]?[=:])|\u2028(?!\s|$|[\w.%-]{0,40}[ \t]?[=:]))+/uy
const LINE = /[^\n"'`]+/y
const SECOND_WORD = /[A-Za-z][\w-]*[ \t](?=[^\s"',;]*\d)[^\s"',;]{8,}/y
const ARGUMENT = /[ \t]{1,8}(?!-)|(?:\\*["'`])\s{0,8},\s{0,40}(?=\\*["'`])/y
const SHELL_WORD = /[^\s"'`]+/y
const ELEMENT = /(?:\s[^<>]{0,200})?>(?:<!\[CDATA\[)?([^<\]]*)(<\/|\]\]>|$)/y
const NEXT_ITEM = /\\*["'`]\s{0,8},\s{0,40}(?=\\*["'`])/y
const QUOTED_NEXT = /[ \t]{1,4}(?=\\*["'])/y
const SENTENCE = /[ \t]{1,4}(?:is|was|ist|lautet)(?:[ \t]{1,4}now)?:?[ \t]{1,4}/iy
const NAMING =
  /(?:^|[^\w])(?:name|key|header|field|param|parameter|variable|var|property|setting|label|k|n)\\*["'`]?\s{0,8}[:=>]\s{0,8}\\*["'`]?$/i
const NAMED_VALUE =
  /(?:\\*["'`])?[^{}[\]<>]{0,200}?[\s,;("'`](?:value|val|v|secret)\\*["'`]?\s{0,8}[:=][ \t]{0,8}(?:\{\s{0,8}\\*["'`]?string_?value\\*["'`]?\s{0,8}[:=][ \t]{0,8})?|<\/\w+>\s{0,40}<value>(?=([^<]*))/iy

/** Takes the values of names in a text: in JSON and what is like it, assignments, headers, queries, XML, and options of commands. */
export function takeNamedSecrets(text: string, take: Take): void {
  MARKS.lastIndex = 0
  for (let mark = MARKS.exec(text); mark; mark = MARKS.exec(text)) {
    const next = takeNamed(text, mark.index, take)
    MARKS.lastIndex = Math.max(next, mark.index + mark[0].length)
  }
}

/** @returns the position to go on from */
function takeNamed(text: string, mark: number, take: Take): number {
  const start = nameStart(text, mark)
  const end = nameEnd(text, mark)
  if (text[start] !== '-' && text[start - 1] !== '<' && text[start - 1] !== ':' && !mayValueFollow(text, end))
    return end
  const whole = text.slice(start, end).replace(/[.$-]+$/, '')
  const name = whole.replace(/^[.$-]+/, '')
  const kind = secretKind(name) ?? secretKind(withWordBefore(text, start, name))
  if (kind === undefined) return end
  if (kind === 'query' && !/[?&;]/.test(text[start - 1] ?? '')) return end
  const named: Named = { start, end: start + whole.length, name, kind, isFlag: whole.startsWith('-') && whole !== name }
  for (const takeForm of FORMS) {
    const next = takeForm(text, named, take)
    if (next === undefined) continue
    // What stands there is a name itself.
    const isName = positionBehind(NAMED_QUOTE, text, next - 1) !== undefined
    return isName ? end : Math.max(next, end)
  }
  return end
}

function nameStart(text: string, mark: number): number {
  let start = mark
  while (start > 0 && mark - start < MAX_NAME_LENGTH && isNameCharacter(text, start - 1)) start--
  return start
}

function nameEnd(text: string, mark: number): number {
  let end = mark
  while (end < text.length && end - mark < MAX_NAME_LENGTH && isNameCharacter(text, end)) end++
  return end
}

function isNameCharacter(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  return code < 128 ? NAME_CHARACTERS[code] === 1 : LETTER.test(text[at] as string)
}

/** Cheap to ask: `false` where no value can follow a name, as in most sentences. */
function mayValueFollow(text: string, end: number): boolean {
  let at = end
  while (at - end < 8 && (text[at] === ' ' || text[at] === '\n' || text[at] === '\t' || text[at] === '\r')) at++
  const next = text[at] ?? ''
  if (next === '') return false
  return (
    VALUE_MARKS.includes(next) ||
    text.slice(end, at).includes('\n') ||
    positionBehind(SENTENCE, text, end) !== undefined
  )
}

/** `API key`, `seed phrase`. */
function withWordBefore(text: string, start: number, name: string): string {
  if (!/^(?:keys?|phrase|codes?)$/i.test(name)) return ''
  const word = /([a-z]{2,20})[ \t]$/i.exec(text.slice(Math.max(0, start - 21), start))?.[1]
  return word ? `${word}_${name}` : ''
}

type Form = (text: string, named: Named, take: Take) => number | undefined

function positionBehind(pattern: RegExp, text: string, at: number): number | undefined {
  pattern.lastIndex = at
  return pattern.test(text) ? pattern.lastIndex : undefined
}

/** `password=x`, `"password": "x"`, `Password: x`, `password => 'x'` */
const takeAssigned: Form = (text, named, take) => {
  // `//token:` begins the user of a URL.
  if (text[named.start - 1] === '/' && text[named.start - 2] === '/') return undefined
  const at = positionBehind(ASSIGNED, text, named.end)
  return at === undefined ? undefined : takeAt(text, at, named, take)
}

/** `<password>x</password>` */
const takeElement: Form = (text, { start, end, kind }, take) => {
  if (!/<(?:[\w-]{1,20}:)?$/.test(text.slice(Math.max(0, start - 22), start))) return undefined
  ELEMENT.lastIndex = end
  const match = ELEMENT.exec(text)
  const [, value = '', close] = match ?? []
  if (!match || (close === '' && /\s/.test(value))) return undefined
  const to = ELEMENT.lastIndex - (close?.length ?? 0)
  takeValue(text, [to - value.length, to], kind, take)
  return to
}

/** `--password x`, and `"--password", "x"` in a list of arguments */
const takeArgument: Form = (text, named, take) => {
  const at = named.isFlag ? positionBehind(ARGUMENT, text, named.end) : undefined
  if (at === undefined) return undefined
  const quoted = quotedAt(text, at)
  const end = quoted ? quoted.end : positionBehind(SHELL_WORD, text, at)
  if (end === undefined) return undefined
  const start = quoted?.start ?? at
  if (quoted || !isPlainValue(text.slice(start, end))) takeValue(text, [start, end], named.kind, take)
  return quoted?.next ?? end
}

/** `{ "name": "password", "value": "x" }` */
const takePair: Form = (text, named, take) => {
  if (!NAMING.test(text.slice(Math.max(0, named.start - 40), named.start))) return undefined
  NAMED_VALUE.lastIndex = named.end
  const match = NAMED_VALUE.exec(text)
  if (!match) return undefined
  const at = NAMED_VALUE.lastIndex
  if (match[1] === undefined) return takeAt(text, at, named, take)
  takeValue(text, [at, at + match[1].length], named.kind, take)
  return at + match[1].length
}

/** `["Authorization", "Bearer x"]` */
const takeItem: Form = (text, { start, end, kind }, take) => {
  const at = positionBehind(NEXT_ITEM, text, end)
  const quoted = at === undefined ? undefined : quotedAt(text, at)
  if (!quoted) return undefined
  const isHeader = kind === 'header' || kind === 'cookie'
  const isPair =
    /[[(]\s{0,8}\\*["'`]$/.test(text.slice(Math.max(0, start - 20), start)) &&
    /^\s{0,8}[\])]/.test(text.slice(quoted.next, quoted.next + 9)) &&
    !isNameLike(text.slice(quoted.start, quoted.end))
  if (!isPair && !(isHeader && !isNameLike(text.slice(quoted.start, quoted.end)))) return undefined
  takeValue(text, [quoted.start, quoted.end], kind, take)
  return quoted.next
}

/** `PASSWORD 'x'` as in SQL, and `the password is x1` */
const takeSentence: Form = (text, { name, end, kind }, take) => {
  if (kind !== 'secret') return undefined
  const isPassword = /passw|passphrase|pwd/i.test(name)
  const at = (isPassword ? positionBehind(QUOTED_NEXT, text, end) : undefined) ?? positionBehind(SENTENCE, text, end)
  if (at === undefined) return undefined
  const quoted = quotedAt(text, at)
  if (quoted) {
    takeValue(text, [quoted.start, quoted.end], kind, take)
    return quoted.next
  }
  const to = positionBehind(UNQUOTED, text, at)
  if (to === undefined || !/^(?=.*\d).{4,}/.test(text.slice(at, to))) return undefined
  takeValue(text, [at, to], kind, take)
  return to
}

const FORMS: readonly Form[] = [takeElement, takeAssigned, takeArgument, takePair, takeItem, takeSentence]

/** Tells whether a text is the name of a field or a header rather than a secret. */
export function isNameLike(text: string): boolean {
  return /^[a-z_-]*$/i.test(text)
}

/** Takes the value that begins at a position. */
function takeAt(text: string, at: number, named: Named, take: Take): number {
  // The quote of `'password:'` closes it.
  const isClosing = text[at] === text[named.start - 1] && text[at - 1] === ':'
  const quoted = isClosing ? undefined : quotedAt(text, positionBehind(LINE_BREAK, text, at) ?? at)
  if (quoted) {
    takeValue(text, [quoted.start, quoted.end], named.kind, take)
    return quoted.next
  }
  const block = positionBehind(BLOCK, text, at)
  if (block !== undefined) {
    take(at, block)
    return block
  }
  if (text[at] === '[' || text[at] === '(') return takeList(text, at + 1, named, take)
  if (named.kind === 'cookie') return takeLine(text, at, named, take)
  return takeUnquoted(text, at, named, take)
}

function takeList(text: string, start: number, { kind }: Named, take: Take): number {
  let at = start
  for (;;) {
    const item = positionBehind(LIST_ITEM, text, at)
    const quoted = item === undefined ? undefined : quotedAt(text, item)
    if (!quoted) return at
    takeValue(text, [quoted.start, quoted.end], kind, take)
    at = quoted.next
  }
}

function takeLine(text: string, at: number, { kind }: Named, take: Take): number {
  const end = positionBehind(LINE, text, at)
  if (end === undefined || !text.slice(at, end).includes('=')) return at
  takeValue(text, [at, end], kind, take)
  return end
}

function takeUnquoted(text: string, at: number, named: Named, take: Take): number {
  const { kind, name } = named
  const line = kind === 'header' ? endOfHeader(text, at, named) : undefined
  if (line !== undefined) {
    takeValue(text, [at, line], kind, take)
    return line
  }
  const scheme = behindScheme(text, at, text.length)
  const end = positionBehind(UNQUOTED, text, scheme)
  if (end === undefined) return at
  const value = text.slice(scheme, end)
  const isWord = /^pass$/i.test(name) && /^[a-z]*\W*$/i.test(value)
  if (!isWord && !isCount(name, value) && !isPlainValue(value)) {
    takeValue(text, [at, end], kind, take)
    return end
  }
  const annotated = positionBehind(ANNOTATED, text, end)
  if (annotated === undefined) return end
  const quoted = quotedAt(text, annotated)
  if (quoted) takeValue(text, [quoted.start, quoted.end], kind, take)
  return quoted?.next ?? end
}

/** End of a header's value: several words for a scheme with parameters, or two, the first the name of an unknown scheme. */
function endOfHeader(text: string, at: number, { start }: Named): number | undefined {
  if (/^(?:digest|hawk|oauth|signature|aws4-hmac-sha256)[ \t]/i.test(text.slice(at, at + 20))) {
    const quote = /["'`]/.test(text[start - 1] ?? '') ? text[start - 1] : undefined
    const line = text.slice(at, at + 4096).split('\n', 1)[0] as string
    const close = quote === undefined ? -1 : line.indexOf(quote)
    return at + (close === -1 ? line.length : close)
  }
  return positionBehind(SECOND_WORD, text, at)
}
