import { characterTable } from './character-table.js'
import type { Take } from './text-view.js'

const WORD = '[\\w-]'
const ALNUM = '[A-Za-z\\d]'
/** Marks that are words, or parts of words, have to be followed by something that is none. */
const RANDOM = '(?=[\\w-]{0,40}\\d)'

/** Forms as the vendors document them, a little wider. A mark is a text, followed by the pattern of what comes behind it. */
const FORMS: readonly (readonly [marks: string, body: string])[] = [
  // Amazon Web Services
  ['AKIA ASIA ABIA ACCA AROA AIDA', `(?=[A-Z\\d]{0,15}\\d)[A-Z\\d]{16,}`],
  ['akia asia', `(?=[a-z\\d]{0,15}\\d)[a-z\\d]{16}(?![a-z\\d])`],
  // GitHub, GitLab
  ['ghp_ gho_ ghu_ ghs_ ghr_', `${ALNUM}{20,}`],
  ['github_pat_', '\\w{20,}'],
  ['glpat- gldt- glrt- glcbt- glptt- glft- glsoat- glimt- glagent-', `[\\w.-]{16,}`],
  // Slack, Discord, Telegram
  ['xoxb- xoxp- xoxa- xoxo- xoxr- xoxs- xoxe- xoxe. xoxc- xoxd- xapp- xwfp-', `[\\w.-]{10,}`],
  [
    'hooks.slack.com/services/ hooks.slack.com/workflows/ discord.com/api/webhooks/ discordapp.com/api/webhooks/',
    '[\\w/-]{20,}',
  ],
  // Payment: Stripe, Square, PayPal's Braintree, Shopify
  ['sk_live_ sk_test_ rk_live_ rk_test_ pk_live_ whsec_', `${ALNUM}{10,}`],
  ['sq0atp- sq0csp-', `${WORD}{20,}`],
  ['EAAA', `(?<![+/]EAAA)${RANDOM}${WORD}{40,}`],
  ['access_token$production$', '[\\w$]{20,}'],
  ['shpat_ shpca_ shppa_ shpss_', `${ALNUM}{20,}`],
  // Models: OpenAI, Anthropic, Hugging Face, Replicate, Groq, Perplexity, xAI, LangChain, OpenRouter, Cerebras, Tavily, Firecrawl
  ['sk-ant- sk-proj- sk-svcacct- sk-admin- sk-or-v1- sk-lf- pk-lf-', `${RANDOM}${WORD}{20,}`],
  ['sk-', `(?!ant-|proj-|svcacct-|admin-|or-v1-|lf-)${RANDOM}${WORD}{20,}`],
  ['hf_', `${RANDOM}${ALNUM}{20,}`],
  ['r8_', `${ALNUM}{30,}`],
  ['gsk_ pplx- xai- csk- fw_', `${RANDOM}${ALNUM}{24,}`],
  ['lsv2_ nvapi- tvly- jina_', `${RANDOM}${WORD}{20,}`],
  // Google, Microsoft, Cloudflare
  ['AIza', `(?<![+/]AIza)${WORD}{35}`],
  ['GOCSPX-', `${WORD}{20,}`],
  ['ya29.', `[\\w.-]{20,}`],
  ['AccountKey= SharedAccessKey=', '[A-Za-z\\d+/]{30,}={0,2}'],
  ['SharedAccessSignature=', '[\\w%&=.-]{20,}'],
  // Packages: npm, PyPI, RubyGems, Docker
  ['npm_', `${RANDOM}${ALNUM}{30,}`],
  ['pypi-', `${WORD}{30,}`],
  ['rubygems_', '[a-f\\d]{30,}'],
  ['dckr_pat_ dckr_oat_', `${WORD}{20,}`],
  // Mail and messages: SendGrid, Mailgun, Twilio, Mailchimp
  ['SG.', `${RANDOM}[\\w.-]{20,}`],
  ['key-', '(?=[a-f]{0,31}\\d)[a-f\\d]{32}(?![a-f\\d])'],
  ['SK AC', '[a-f\\d]{32}(?![a-f\\d])'],
  // Hosting and tools
  ['dop_v1_ doo_v1_ dor_v1_', '[a-f\\d]{40,}'],
  ['dapi', '[a-f\\d]{32}(?:-\\d)?(?![a-f\\d])'],
  ['lin_api_ lin_oauth_', `${ALNUM}{30,}`],
  ['secret_ ntn_', `${RANDOM}${ALNUM}{40,}`],
  ['hvs. hvb. hvr.', `${WORD}{20,}`],
  ['pul-', '[a-f\\d]{40}'],
  ['sntrys_ sntryu_', '[\\w=+/-]{30,}'],
  ['glsa_', '\\w{30,}'],
  ['glc_', '[\\w=+/]{30,}'],
  ['ATATT3 ATCTT3', `[\\w=-]{50,}`],
  ['PMAK-', `[A-Za-z\\d-]{30,}`],
  ['figd_ NRAK- NRII- dt0c01. sbp_ sb_secret_ phx_', `${RANDOM}[\\w.-]{20,}`],
  ['AGE-SECRET-KEY-1', '[A-Z\\d]{50,}'],
]

/** Marks that could be the end of a word, or a part of a hash: no letter or digit stands before them. */
const WORD_LIKE = new Set(
  'AKIA ASIA ABIA ACCA AROA AIDA akia asia EAAA AIza SK AC dapi key- sk- pul- SG. hf_ r8_ gsk_ fw_ csk- sbp_ npm_ secret_ ntn_ glc_ phx_ xai- hvs. hvb. hvr.'.split(
    ' ',
  ),
)

/** The pattern of what follows each mark. */
const BODIES: ReadonlyMap<string, RegExp> = new Map(
  FORMS.flatMap(([marks, body]) => marks.split(' ').map((mark) => [mark, new RegExp(body, 'y')] as const)),
)
const MARKS = new RegExp(
  [...BODIES.keys()]
    .toSorted((one, other) => other.length - one.length)
    .map((mark) => mark.replace(/[.$/+]/g, '\\$&'))
    .join('|'),
  'g',
)
/** Every key is a part of such a word, which sentences have few of. */
const LONG_WORD = 20
const WORD_CHARACTERS = characterTable(/[\w.$/+=-]/)
/**
 * Returns the position at which the next long word begins; the length of the text when there is none. A word that is too short is told by its last
 * characters: most of a text is not looked at.
 */
function endOfGap(text: string, from: number): number {
  let start = from
  while (start + LONG_WORD <= text.length) {
    let at = start + LONG_WORD - 1
    while (at >= start && WORD_CHARACTERS[text.charCodeAt(at)]) at--
    if (at < start) return start
    start = at + 1
  }
  return text.length
}

/** Keys that have no mark at their beginning: of Telegram, Discord and Mailchimp. */
const UNMARKED = [
  { hint: ':AA', pattern: /(?<=(?<!\d)\d{8,10}:)AA[\w-]{33}(?![\w-])/g },
  { hint: '-us', pattern: /(?<![a-f\d])[a-f\d]{32}(?=-us\d{1,2}\b)/g },
  { hint: '.', pattern: /(?<![\w-])[MNO][A-Za-z\d]{23,27}\.[\w-]{6}\.[\w-]{27,40}(?![\w-])/g },
] as const

/** Cheap to ask: `false` where no key can be in a text. */
export function mayApiKeyBeIn(text: string): boolean {
  return endOfGap(text, 0) < text.length
}

/** Takes keys of known vendors, but for the mark that says whose they are. */
export function takeApiKeys(text: string, take: Take): void {
  for (let start = endOfGap(text, 0); start < text.length; ) {
    let end = start + LONG_WORD
    while (end < text.length && WORD_CHARACTERS[text.charCodeAt(end)]) end++
    takeFromWord(text.slice(start, end), start, take)
    start = endOfGap(text, end)
  }
  for (const { hint, pattern } of UNMARKED) {
    if (!text.includes(hint)) continue
    for (const { 0: key, index } of text.matchAll(pattern)) take(index, index + key.length)
  }
}

function takeFromWord(word: string, index: number, take: Take): void {
  MARKS.lastIndex = 0
  for (let mark = MARKS.exec(word); mark; mark = MARKS.exec(word)) {
    const start = MARKS.lastIndex
    const end = endOfBody(word, mark[0], start)
    if (end === undefined) MARKS.lastIndex = mark.index + 1
    else {
      take(index + start, index + end)
      MARKS.lastIndex = end
    }
  }
}

function endOfBody(word: string, mark: string, start: number): number | undefined {
  if (WORD_LIKE.has(mark) && /[A-Za-z\d]/.test(word[start - mark.length - 1] ?? '')) return undefined
  const body = BODIES.get(mark) as RegExp
  body.lastIndex = start
  return body.test(word) ? body.lastIndex : undefined
}
