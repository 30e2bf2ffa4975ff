import { remembering } from './remembering.js'

/**
 * The values that a name has.
 *
 * `secret`: a text or number that is one. `header`: the value of an authorization header, with its scheme. `cookie`: the values of cookies.
 * `code`: a short number. `login`: `user:password` in base64. `directory`: a password, or a directory. `query`: one in the query of a URL alone.
 */
export type SecretKind = 'secret' | 'header' | 'cookie' | 'code' | 'login' | 'directory' | 'query'

/** Longest name that is looked at. */
export const MAX_NAME_LENGTH = 80

/** A part of every name that is one of a secret. */
export const NAME_MARK: string =
  'passw|passphrase|passcode|pass(?![a-z])|pwd|secret|token|key|cred|auth|cookie|jwt|bearer|mnemonic|phrase|codes|pin(?![a-z])|otp|cvv|cvc|' +
  'security[_-]?code|signature|sig(?![a-z])|kennwort|contrase|senha|\u043f\u0430\u0440\u043e\u043b\u044c|\u5bc6\u7801|\u30d1\u30b9\u30ef\u30fc\u30c9'
const NAMED = new RegExp(NAME_MARK, 'i')

/** Words behind a name that leave it one of a secret: `password_confirmation`, `token2`. */
const MEANINGLESS =
  /^(?:\d+|confirm|confirmation|again|repeat|value|plain|plaintext|raw|base64|b64|text|encoded|old|new|current|v\d)$/

/** Words before a name that make its value a choice, and no secret. */
const CHOICES = /^(?:is|has|have|had|needs?|requires?|show|forgot|no|with|without|use|uses|using|num|count)$/

const SECRETS =
  /(?:passwords?|passwd|passphrases?|passcodes?|pwd|secrets?|credentials?|creds|mnemonic|(?:seed|recovery)phrase|(?:recovery|backup)codes|passwort|kennwort|contrasena|contrase\u00f1a|senha|\u043f\u0430\u0440\u043e\u043b\u044c|\u5bc6\u7801|\u30d1\u30b9\u30ef\u30fc\u30c9)$/
const KEYS = new RegExp(
  `(?:${[
    'api|access|private|secret|signing|encryption|decryption|crypt|cipher|master|account|subscription|function|functions|ssh|rsa|pgp|gpg|hmac',
    'service|servicerole|storage|shared|deploy|admin|auth|app|application|webhook|bot|license|session',
    'openai|anthropic|claude|gemini|mistral|groq|cohere|stripe|sendgrid|mailgun|twilio|datadog|newrelic|pinecone|tavily|serp|serper|exa',
  ].join('|')})keys?(?:base)?$`,
)
/** Words before `token` that make it no secret: a position in a list, or a part of a text. */
const PLAIN_TOKENS = new Set(
  (
    'page next prev previous continuation continue sync max min eos bos pad stop unk mask sep cls special start end per input output ' +
    'prompt completion reasoning total first last each cancellation cancel cancelled abort cursor delta resume change watch pagination ' +
    'scroll offset by the unexpected a lexer syntax image audio text word'
  ).split(' '),
)
const PLAIN_TOKEN =
  /(?:page|next|prev|continuation|sync|max|min|eos|bos|pad|stop|cancellation|input|output|prompt|completion|total)tokens?$/
const PASS = /(?:^|_)pass$|^(?:db|user|smtp|sql|mysql|root|admin|ftp|ssh|my|key)pass$/
const CODE =
  /(?:^|_)(?:pin|pincode|pin_code|otp|totp|cvv2?|cvc2?|security_code|(?:mfa|2fa|otp|verification|one_time)_code)$/
const QUERY = /^(?:sig|signature|x_amz_signature|x_goog_signature)$/

/** Tells the secret that the value of a member or variable of this name is; `undefined` for none. */
export const secretKind: (name: string) => SecretKind | undefined = remembering(kindOf)

function kindOf(name: string): SecretKind | undefined {
  if (name.length < 2 || name.length > MAX_NAME_LENGTH || !NAMED.test(name) || /[*=]/.test(name)) return undefined
  const words = wordsOf(name)
  while (words.length > 1 && MEANINGLESS.test(words.at(-1) as string)) words.pop()
  const last = words.pop()?.replace(/\d+$/, '')
  if (!last || CHOICES.test(words[0] ?? '')) return undefined
  words.push(last)
  const snake = words.join('_')
  const joined = words.join('')
  if (joined.endsWith('authorization')) return words.length <= 3 ? 'header' : undefined
  if (/^(?:http)?(?:set)?cookies?$/.test(joined)) return 'cookie'
  if (joined === 'pwd' || joined === 'oldpwd') return 'directory'
  if (SECRETS.test(joined) || KEYS.test(joined) || PASS.test(snake)) return 'secret'
  if (/tokens?$/.test(joined)) return isSecretToken(words, joined) ? 'secret' : undefined
  if (/(?:^|_)(?:jwt|bearer)$/.test(snake) || joined.endsWith('accesssignature')) return 'secret'
  if (CODE.test(snake)) return 'code'
  if (snake === 'auth') return 'login'
  return QUERY.test(snake) ? 'query' : undefined
}

function isSecretToken(words: readonly string[], joined: string): boolean {
  if (joined.endsWith('s')) return /(?:access|refresh|auth|api|session|bearer|id|secret)tokens$/.test(joined)
  return words.length > 1 ? !PLAIN_TOKENS.has(words.at(-2) as string) : !PLAIN_TOKEN.test(joined)
}

function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z\d])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .split(/[^\p{L}\d]+/u)
    .filter((word) => word !== '')
}

/** Names of members that hold a name, and of those that hold its value. */
const NAME_HOLDERS = /^(?:name|key|header|field|param|parameter|variable|var|property|setting|label|k|n)$/i
const VALUE_HOLDERS = /^(?:value|values|val|v|secret|string_?value)$/i

/** Tells whether a member of this name holds the name of something: `{ name: 'password', value: 'x' }`. */
export function holdsName(name: string): boolean {
  return NAME_HOLDERS.test(name)
}

/** Tells whether a member of this name holds the value of what another member names. */
export function holdsValue(name: string): boolean {
  return VALUE_HOLDERS.test(name)
}
