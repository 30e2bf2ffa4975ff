/** The form of a vendor's keys. */
export interface ApiKeyForm {
  /** Stands in every text that has one. */
  readonly mark: string
  readonly pattern: RegExp
  /** Characters at the beginning that say whose key it is, and are kept. */
  readonly kept: number
}

/** A key begins with a mark, and goes on with characters of one class. */
function form(mark: string, rest: string): ApiKeyForm {
  return {
    mark,
    pattern: new RegExp(`(?<![A-Za-z\\d])${mark.replace(/[.+]/g, '\\$&')}${rest}`, 'g'),
    kept: mark.length,
  }
}

const WORD = '[\\w-]'

/** Keys that are told by how they begin. The forms are those that the vendors document. */
export const API_KEYS: readonly ApiKeyForm[] = [
  // Amazon Web Services
  ...['AKIA', 'ASIA', 'ABIA', 'ACCA'].map((mark) => form(mark, '[A-Z2-7]{16}(?![A-Z2-7])')),
  // GitHub, GitLab
  ...['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_'].map((mark) => form(mark, '[A-Za-z\\d]{20,255}')),
  form('github_pat_', '\\w{20,255}'),
  ...['glpat-', 'gldt-', 'glrt-', 'glcbt-', 'glptt-', 'glft-', 'glsoat-'].map((mark) => form(mark, `${WORD}{16,64}`)),
  // Slack, Discord, Telegram
  ...['xoxb-', 'xoxp-', 'xoxa-', 'xoxr-', 'xoxs-', 'xoxe-', 'xapp-'].map((mark) => form(mark, `${WORD}{10,255}`)),
  form('hooks.slack.com/services/', '[\\w/]{20,80}'),
  form('discord.com/api/webhooks/', '[\\w/-]{20,120}'),
  // Payment: Stripe, Square, PayPal's Braintree
  ...['sk_live_', 'sk_test_', 'rk_live_', 'rk_test_', 'whsec_'].map((mark) => form(mark, '[A-Za-z\\d]{10,255}')),
  ...['sq0atp-', 'sq0csp-', 'EAAA'].map((mark) => form(mark, `${WORD}{22,80}`)),
  form('access_token$production$', '[\\w$]{20,80}'),
  // Models: OpenAI, Anthropic, Hugging Face, Replicate, Groq, Perplexity, xAI
  form('sk-ant-', `${WORD}{20,255}`),
  form('sk-', `(?!ant-)${WORD}{20,255}`),
  form('hf_', '[A-Za-z\\d]{20,64}'),
  form('r8_', '[A-Za-z\\d]{30,64}'),
  form('gsk_', '[A-Za-z\\d]{30,80}'),
  form('pplx-', '[A-Za-z\\d]{30,80}'),
  form('xai-', '[A-Za-z\\d]{30,120}'),
  form('lsv2_', '\\w{20,120}'),
  // Google
  form('AIza', `${WORD}{35}`),
  form('GOCSPX-', `${WORD}{20,64}`),
  form('ya29.', `${WORD}{20,255}`),
  // Packages: npm, PyPI, RubyGems, Docker, crates.io
  form('npm_', '[A-Za-z\\d]{30,64}'),
  form('pypi-', `${WORD}{30,255}`),
  form('rubygems_', '[a-f\\d]{30,64}'),
  form('dckr_pat_', `${WORD}{20,64}`),
  // Mail and messages: SendGrid, Mailgun, Twilio, Mailchimp
  form('SG.', `${WORD}{16,64}\\.${WORD}{16,128}`),
  form('key-', '[a-f\\d]{32}(?![a-f\\d])'),
  ...['SK', 'AC'].map((mark) => form(mark, '[a-f\\d]{32}(?![a-f\\d])')),
  // Hosting and tools
  ...['dop_v1_', 'doo_v1_', 'dor_v1_'].map((mark) => form(mark, '[a-f\\d]{40,80}')),
  form('dapi', '[a-f\\d]{32}(?:-\\d)?(?![a-f\\d])'),
  ...['shpat_', 'shpca_', 'shppa_', 'shpss_'].map((mark) => form(mark, '[a-fA-F\\d]{32}')),
  form('lin_api_', '[A-Za-z\\d]{30,64}'),
  ...['secret_', 'ntn_'].map((mark) => form(mark, '[A-Za-z\\d]{40,64}')),
  ...['hvs.', 'hvb.', 'hvr.'].map((mark) => form(mark, `${WORD}{20,300}`)),
  form('pul-', '[a-f\\d]{40}'),
  form('sntrys_', '[\\w=+/-]{30,300}'),
  form('glsa_', '\\w{30,64}'),
  form('glc_', '[\\w=+/]{30,300}'),
  form('ATATT3', `${WORD}{50,255}`),
  form('PMAK-', '[a-f\\d-]{30,80}'),
  form('AccountKey=', '[A-Za-z\\d+/]{40,100}={0,2}'),
  form('SharedAccessSignature=', '[\\w%&=.-]{20,512}'),
  form('AGE-SECRET-KEY-1', '[A-Z\\d]{50,64}'),
]
