import { COMMAND_MARK, takeCommandSecrets } from './command-secrets.js'
import { takeNamedSecrets } from './named-secrets.js'
import { NAME_MARK } from './secret-names.js'
import { isLogin, isPlaceholder } from './secret-values.js'
import type { Take } from './text-view.js'

const MARK = new RegExp(`-----BEGIN|Private-Lines:|eyJ|basic[ \\t]|:\\/\\/|${COMMAND_MARK}|${NAME_MARK}`, 'i')

/** Cheap to ask: `false` where no secret can be in a text. */
export function maySecretBeIn(text: string): boolean {
  return MARK.test(text)
}

/** Takes everything that is a secret by its form or by the name before it. */
export function takeSecrets(text: string, take: Take): void {
  takePrivateKeys(text, take)
  takeTokens(text, take)
  takeCredentials(text, take)
  takeUrlPasswords(text, take)
  takeCommandSecrets(text, take)
  takeNamedSecrets(text, take)
}

const BEGINNING = /-{4,5} ?BEGIN [A-Z\d ]{0,40}PRIVATE KEY(?: BLOCK)? ?-{4,5}|Private-Lines: \d{1,3}/g
/** Lines of base64, when the end of a key is cut off. */
const LINES = /(?:[^A-Za-z\d+/=-]{0,16}[A-Za-z\d+/]{16,}={0,2})*(?:[^A-Za-z\d+/=-]{0,16}[A-Za-z\d+/]+={0,2}$)?/y
const MAX_KEY_LENGTH = 32_768

const ENDING = /-{4,5} ?END /g

function takePrivateKeys(text: string, take: Take): void {
  BEGINNING.lastIndex = 0
  // Searched for once more only where it lies behind: a text of many beginnings has one search.
  let ending = -1
  while (BEGINNING.test(text)) {
    const start = BEGINNING.lastIndex
    if (ending < start) {
      ENDING.lastIndex = start
      ending = ENDING.exec(text)?.index ?? Number.POSITIVE_INFINITY
    }
    LINES.lastIndex = start
    const end = ending - start <= MAX_KEY_LENGTH ? ending : LINES.test(text) ? LINES.lastIndex : start
    take(start, end)
    BEGINNING.lastIndex = end
  }
}

/** A JSON web token, signed or encrypted. */
const TOKEN = /(?<![A-Za-z\d])eyJ[\w-]{8,}(?:\.[\w-]*){1,4}/g

function takeTokens(text: string, take: Take): void {
  for (const { 0: found, index } of text.matchAll(TOKEN)) {
    if (/^[^.]+\.[\w-]{8}/.test(found)) take(index, index + found.length)
  }
}

const CREDENTIAL = /(?<![\w-])(bearer|basic|token)[ \t]{1,4}([\w.~+/=-]{4,})/gi

/** Takes credentials behind `Bearer` and `Basic`, where they look like such, and not like the next word of a sentence. */
function takeCredentials(text: string, take: Take): void {
  for (const { 0: found, 1: scheme = '', 2: value = '', index } of text.matchAll(CREDENTIAL)) {
    const isCredential = /basic/i.test(scheme) ? isLogin(value) : isRandom(value, /token/i.test(scheme) ? 16 : 8)
    const end = index + found.length
    if (isCredential) take(end - value.length, end)
  }
}

function isRandom(text: string, minLength: number): boolean {
  return text.length >= minLength && (/\d/.test(text) || (text.length > 24 && /[a-z][A-Z]/.test(text)))
}

const URL_USER = /:\/\/([^\s:@/?#"'<>]{0,128})(?::(?!\d{1,5}(?:[/?#\s]|$))([^\s"'<>]{1,256}))?@(?=[\w[.-])/g

/** Takes passwords before the host of a URL; a user that looks like a key as well. */
function takeUrlPasswords(text: string, take: Take): void {
  for (const { 0: found, 1: user = '', 2: password, index } of text.matchAll(URL_USER)) {
    const end = index + found.length - 1
    if (password !== undefined && !isPlaceholder(password)) take(end - password.length, end)
    else if (password === undefined && user.length >= 20 && /\d/.test(user) && /^\w+$/.test(user))
      take(end - user.length, end)
  }
}
