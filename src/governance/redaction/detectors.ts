import { API_KEYS } from './api-keys.js'
import { isCard, isIban } from './check-digits.js'
import { masked, maskedBefore, maskedBehind } from './mask.js'

/** A kind of text that is masked wherever it stands. */
export interface Detector {
  readonly name: DetectorName
  readonly isDefault: boolean
  /** Cheap to ask: `false` where nothing of it can be in a text. */
  readonly mayHit: (text: string) => boolean
  /** @param onFound - called for each that was masked */
  readonly mask: (text: string, onFound: () => void) => string
}

/** Names of the detectors, in the order in which they look at a text. */
export const DETECTORS = ['secret', 'api_key', 'payment_card', 'iban', 'email', 'telephone'] as const
/** The name of a detector. */
export type DetectorName = (typeof DETECTORS)[number]

/** Names of members and variables whose values are secrets. */
const SECRET_NAME =
  '(?:[\\w.-]{0,40}(?:passw(?:or)?d|passphrase|secret|api[_-]?key|access[_-]?key|private[_-]?key|access[_-]?token|auth[_-]?token|refresh[_-]?token|id[_-]?token|session[_-]?token|bearer[_-]?token|client[_-]?secret|credentials?)|pwd|token|authorization)'

/** Tells whether a member of an object has a name whose value is a secret. */
const SECRET_MEMBER = new RegExp(`^${SECRET_NAME}$`, 'i')

/** Tells whether the value of a member of this name is a secret. */
export function isSecretName(name: string): boolean {
  return (
    name.length <= 64 && SECRET_MEMBER.test(name) && !/(?:count|usage|limit|max|min|total|type|name|id)$/i.test(name)
  )
}

// Each has bounded repetitions, and none of them two ways through the same text.
const PRIVATE_KEY = /-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[^-]{0,8192}(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?/g
const JWT = /\beyJ[\w-]{8,2048}\.eyJ[\w-]{8,4096}(?:\.[\w-]{0,2048})?/g
const AUTHORIZATION = /\b(Bearer|Basic|Digest|Token)([ \t]{1,4})([\w.~+/=-]{8,4096})/gi
const URL_PASSWORD = /([a-z][a-z\d+.-]{1,20}:\/\/[^\s:@/]{0,128}:)([^\s@/]{1,256})(@)/gi
const ASSIGNED = new RegExp(
  `(["']?\\b${SECRET_NAME}["']?[ \\t]{0,4}(?:=>|[:=])[ \\t]{0,4})("(?:[^"\\\\\\n]|\\\\.){1,1024}"|'(?:[^'\\\\\\n]|\\\\.){1,1024}'|[^\\s"',;&<>{}()\\[\\]]{4,1024})`,
  'gi',
)
const SECRET_MARK =
  /-----BEGIN|eyJ|bearer|basic|digest|token|:\/\/|passw|passphrase|pwd|secret|key|authorization|credential/i

/** Digits, also full-width ones, with separators between them. */
const DIGIT = '[\\d\\uff10-\\uff19]'
const CARD = new RegExp(
  `(?<![\\w.\\uff10-\\uff19-])${DIGIT}(?:[ .\\u00a0\\u2009\\u202f\\u200b-\\u200d\\u2060\\ufeff-]{0,2}${DIGIT}){12,18}(?![\\w\\uff10-\\uff19-])`,
  'g',
)
const ENOUGH_DIGITS = /[\d\uff10-\uff19](?:[ .\u00a0\u2009\u202f\u200b-\u200d\u2060\ufeff-]{0,2}[\d\uff10-\uff19]){7}/
const IBAN =
  /(?<![A-Za-z\d])[A-Za-z]{2}\d{2}(?:[ \u00a0-]?[A-Za-z\d]{4}){2,7}(?:[ \u00a0-]?[A-Za-z\d]{1,3})?(?![A-Za-z\d])/g
const IBAN_MARK = /[A-Za-z]{2}\d{2}[ \u00a0-]?[A-Za-z\d]/
const EMAIL = /(?<![\w.+-])[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[A-Za-z\d-]{1,63}(?:\.[A-Za-z\d-]{1,63}){1,8}/g
const TELEPHONE = /(?<![\w.+-])(?:\+|00)?(?:\(\d{1,5}\)|\d)(?:[ ./()-]{0,2}\d){6,14}(?![\w-])/g

function replaced(text: string, pattern: RegExp, onFound: () => void, mask: (found: string) => string): string {
  return text.replace(pattern, (found) => {
    const kept = mask(found)
    if (kept !== found) onFound()
    return kept
  })
}

function maskSecrets(text: string, onFound: () => void): string {
  const hide = (found: string) => {
    const kept = masked(found)
    if (kept !== found) onFound()
    return kept
  }
  return text
    .replace(PRIVATE_KEY, (found) => found.replace(/(?<=-----\n?)[^-]+(?=-----END|$)/, hide))
    .replace(JWT, hide)
    .replace(AUTHORIZATION, (_, scheme: string, space: string, value: string) => scheme + space + hide(value))
    .replace(URL_PASSWORD, (_, before: string, value: string, after: string) => before + hide(value) + after)
    .replace(ASSIGNED, (whole, before: string, value: string) => (isPlainValue(value) ? whole : before + hide(value)))
}

/** Tells whether a value is a word that configuration and messages have where a secret could be. */
function isPlainValue(value: string): boolean {
  return /^["']?(?:true|false|null|undefined|none|\d{1,6}|required|missing|invalid|expired|not|is|was|has)["']?$/i.test(
    value,
  )
}

function maskApiKeys(text: string, onFound: () => void): string {
  let current = text
  for (const { mark, pattern, kept } of API_KEYS) {
    if (current.includes(mark)) current = replaced(current, pattern, onFound, (found) => maskedBehind(found, kept))
  }
  return current
}

/** All detectors. */
const detectors: readonly Detector[] = [
  { name: 'secret', isDefault: true, mayHit: (text) => SECRET_MARK.test(text), mask: maskSecrets },
  {
    name: 'api_key',
    isDefault: true,
    mayHit: (text) => API_KEYS.some(({ mark }) => text.includes(mark)),
    mask: maskApiKeys,
  },
  {
    name: 'payment_card',
    isDefault: true,
    mayHit: (text) => ENOUGH_DIGITS.test(text),
    mask: (text, onFound) => replaced(text, CARD, onFound, (found) => (isCard(found) ? maskedBefore(found, 4) : found)),
  },
  {
    name: 'iban',
    isDefault: true,
    mayHit: (text) => IBAN_MARK.test(text),
    mask: (text, onFound) => replaced(text, IBAN, onFound, (found) => (isIban(found) ? maskedBehind(found, 2) : found)),
  },
  {
    name: 'email',
    isDefault: false,
    mayHit: (text) => text.includes('@'),
    mask: (text, onFound) => replaced(text, EMAIL, onFound, masked),
  },
  {
    name: 'telephone',
    isDefault: false,
    mayHit: (text) => /\d{2}/.test(text),
    mask: (text, onFound) => replaced(text, TELEPHONE, onFound, (found) => maskedBefore(found, 2)),
  },
]

/** The detectors that look at a text. @param switches - detectors that are switched on or off, by their names */
export function activeDetectors(switches: Readonly<Record<string, boolean>> = {}): readonly Detector[] {
  return detectors.filter(({ name, isDefault }) => switches[name] ?? isDefault)
}
