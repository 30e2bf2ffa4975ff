import type { SecretKind } from './secret-names.js'
import { secretKind } from './secret-names.js'
import type { Span, Take } from './text-view.js'

/** Words before a credential that say how it is used, and are kept. */
const SCHEME =
  /(?:bearer|basic|digest|token|negotiate|ntlm|hawk|oauth|signature|api-?key|bot|key|aws4-hmac-sha256)[ \t]+(?=\S)/iy
const COOKIE_ATTRIBUTES = /^(?:path|domain|expires|max-age|samesite|priority|version|comment)$/i

/** Takes what is secret in the value of a name, which lies between two positions of a text. */
export function takeValue(text: string, [start, end]: Span, kind: SecretKind, take: Take): void {
  const credential = kind === 'header' ? behindScheme(text, start, end) : start
  if (isPlaceholder(text.slice(credential, end).trim())) return
  if (kind === 'cookie') takeCookies(text, [start, end], take)
  else if (kind === 'code') takeIf(/^\d{3,8}$/.test(text.slice(start, end)), [start, end], take)
  else if (kind === 'login') takeIf(isLogin(text.slice(start, end)), [start, end], take)
  else if (kind === 'directory')
    takeIf(!/^(?:[/~]|[a-z]:[\\/])/i.test(text.slice(start, start + 3)), [start, end], take)
  else take(credential, end)
}

function takeIf(holds: boolean, [start, end]: Span, take: Take): void {
  if (holds) take(start, end)
}

/** Position of a credential behind the name of its scheme, where it has one. */
export function behindScheme(text: string, start: number, end: number): number {
  SCHEME.lastIndex = start
  return SCHEME.test(text) && SCHEME.lastIndex < end ? SCHEME.lastIndex : start
}

function takeCookies(text: string, [start, end]: Span, take: Take): void {
  let isFirst = true
  for (let at = start; at < end; isFirst = false) {
    const semicolon = text.indexOf(';', at)
    const next = semicolon === -1 || semicolon > end ? end : semicolon
    const equals = text.indexOf('=', at)
    if (equals === -1 || equals >= next) {
      // A lone value, or an attribute without one: `HttpOnly`.
      if (isFirst) take(at, next)
    } else if (!COOKIE_ATTRIBUTES.test(text.slice(at, equals).trim())) take(equals + 1, next)
    at = next + 1
  }
}

/** Tells whether a text is `user:password` in base64. */
export function isLogin(text: string): boolean {
  if (text.length < 4 || text.length > 1024 || !/^[\w+/-]+={0,2}$/.test(text)) return false
  return /^[\x20-\x7e\u00a0-\u024f]*:[\x20-\x7e\u00a0-\u024f]*$/.test(Buffer.from(text, 'base64').toString('utf8'))
}

/** Words that stand in configuration, code and messages where a secret could be. */
const WORDS = new Set(
  (
    'true false null nil undefined none empty yes no on off string str number int integer boolean bool any unknown object bytes buffer char ' +
    'text varchar void never optional required missing invalid expired incorrect wrong denied rejected failed not is was are were has have had ' +
    'must should can cannot will needs need please enter use see the a an your my our their this that it if when for of to in on from by with ' +
    'only and or type default value await async new return function class const let var self auto env redacted masked hidden removed filtered secret ' +
    'typeof unique symbol infinity uint8array keyobject cryptokey secretstr reference ref array list map set record promise callable date file path example placeholder'
  ).split(' '),
)

/** Code that names a secret, and does not hold it: a call, a member, a variable, a placeholder. */
const REFERENCE = new RegExp(
  [
    String.raw`^(?:await |new )?[A-Za-z_$][A-Za-z_$?!]*(?:(?:\.[A-Za-z_$?!]+)+\(|(?:\.[A-Za-z_$?!]+)*(?:\(|\[["']|<)\D*$)`,
    String.raw`^(?:process|import\.meta|deno|bun)\.env\b|^(?:os|sys)\.|^env\.|^(?:secrets|vars|steps|inputs|github|self|this|config|settings|options|opts|args|req|request|params|body|props|state|ctx|context)\??\.`,
    String.raw`^\$\{|^\$\(|^\$[A-Z_][A-Z\d_]*$|^%[A-Z_]+%$|^\{|^<|^\[|^\.{2,3}$|^your[-_]|^%[sdjoO]$|^[^\p{L}\p{N}]*$`,
  ].join('|'),
  'u',
)

/** Tells whether what stands where an unquoted value would is no secret. */
export function isPlainValue(value: string): boolean {
  if (REFERENCE.test(value)) return true
  const bare = value.replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, '')
  if (bare === '' || WORDS.has(bare.toLowerCase())) return true
  return !/\d/.test(bare) && bare.length <= 60 && /^[\w.?!$-]+$/.test(bare) && isName(bare)
}

/** Tells whether the value of a name is the number of tokens or keys, or of tests that pass. */
export function isCount(name: string, value: string): boolean {
  return /^\d{1,6}\W*$/.test(value) && /(?:tokens?|keys?|auth|(?:^|[_-])pass)$/i.test(name)
}

/** `TOKEN`, `opts.password`, `newPassword`, `CryptoKey`: what is assigned is a variable or a type. `PASSWORD` and `token` alone are taken for such. */
function isName(value: string): boolean {
  if (/^(?:[A-Z][a-z]+)+(?:Token|Key|Like|Buffer|Kind|Type|Object|Response|Payload|Credentials?|Provider)$/.test(value))
    return true
  const kind = secretKind(value.slice(value.lastIndexOf('.') + 1))
  return kind === 'secret' || kind === 'header' || kind === 'cookie'
}

/** Tells whether a value is one that templates, masks of others and lists of packages have where a secret could be. It stays, also in quotes. */
export function isPlaceholder(value: string): boolean {
  return (
    value.length < 100 &&
    /^(?:\$\{[^{}]*\}|\$\([^()]*\)|\{\{[^{}]*\}\}|<[A-Za-z _-]*>|\[[A-Za-z _-]*\]|%[A-Z_]+%|[~^]?\d+\.\d+\.\d+(?:-[\w.]+)?)$/.test(
      value,
    )
  )
}
