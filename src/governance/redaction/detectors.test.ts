import { describe, expect, it } from 'vitest'
import { body, CARD, hex, IBAN, PASS, redact } from '../../../test/support/redacted.js'

const bodyOf = (prefix: string, length: number) => (prefix === 'AKIA' ? body(length).toUpperCase() : body(length))
const jwt = `${'ey' + 'J'}${body(20)}.${body(30)}.${body(20)}`
const prefixes: [string, number][] = [
  ['AKIA', 16],
  ['ghp_', 36],
  ['gho_', 36],
  ['ghs_', 36],
  ['github_pat_', 60],
  ['glpat-', 20],
  ['xoxb-', 40],
  ['xapp-', 40],
  ['sk_live_', 24],
  ['sk_test_', 24],
  ['rk_live_', 24],
  ['whsec_', 32],
  ['AIza', 35],
  ['GOCSPX-', 28],
  ['sk-proj-', 60],
  ['sk-ant-api03-', 80],
  ['sk-', 48],
  ['hf_', 34],
  ['npm_', 36],
  ['pypi-', 80],
  ['SG.', 66],
  ['shpat_', 32],
  ['sq0atp-', 22],
  ['lin_api_', 40],
  ['ntn_', 46],
  ['hvs.', 90],
  ['dckr_pat_', 27],
  ['gsk_', 52],
  ['xai-', 80],
  ['sntryu_', 64],
  ['PMAK-', 59],
]

describe('detectors that are on', () => {
  const positives: [string, string, string][] = [
    ...['', ' ', '-', '.', '\u00a0', '\u200b'].map((by): [string, string, string] => [
      'payment_card',
      `card ${CARD.join(by)} declined`,
      CARD.join(by),
    ]),
    [
      'payment_card',
      `card ${[...CARD.join('')].map((d) => String.fromCharCode(d.charCodeAt(0) + 0xfee0)).join('')}`,
      '',
    ],
    ['payment_card', `paid with ${['3782', '822463', '10005'].join(' ')}, thanks`, '822463'],
    ['payment_card', `* ${CARD.join(' ')} 12/27`, CARD.join(' ')],
    ...['\n', '\r\n', ' \n  ', '-\n', '\\n'].flatMap((line): [string, string, string][] => [
      ['payment_card', `paid with ${CARD.slice(0, 2).join(' ')}${line}${CARD.slice(2).join(' ')}, thanks`, '4111'],
      ['payment_card', `${CARD[0]}${line}${CARD.slice(1).join('-')}`, '4111'],
      ['iban', `to ${IBAN.slice(0, 3).join(' ')}${line}${IBAN.slice(3).join(' ')} today`, '6016'],
      ['iban', `${IBAN.join(line)}`, '6016'],
    ]),
    ...[IBAN.join(''), IBAN.join(' '), IBAN.join(' ').toLowerCase()].map((iban): [string, string, string] => [
      'iban',
      `to ${iban}.`,
      iban,
    ]),
    ...prefixes.map(([prefix, length]): [string, string, string] => [
      'api_key',
      `key ${prefix}${bodyOf(prefix, length)} used`,
      bodyOf(prefix, length),
    ]),
    ['api_key', `dapi${hex(32)}`, hex(32)],
    ['secret', `token ${jwt}`, body(20)],
    ['secret', `Authorization: Bearer ${body(30)}`, body(30)],
    ['secret', `curl -H "authorization: Basic ${Buffer.from(`ann:${PASS}`).toString('base64')}"`, 'YW5u'],
    ['secret', `postgres://ann:${PASS}@db.example/x`, PASS],
    ['secret', `redis://:${PASS}@cache`, PASS],
    ['secret', `Server=x;Password=${PASS};Database=y`, PASS],
    ...[
      'password',
      'api_key',
      'clientSecret',
      'private-key',
      'DB_PASSWORD',
      'PGPASSWORD',
      'access_token',
      'x-api-key',
      'passphrase',
    ].flatMap((name): [string, string, string][] => [
      ['secret', `${name}=${PASS}`, PASS],
      ['secret', `${name}: ${PASS}`, PASS],
      ['secret', `failed: {"${name}":"${PASS}","ok":1}`, PASS],
      ['secret', `{"body":"{\\"${name}\\":\\"${PASS}\\"}"}`, PASS],
      ['secret', `{"${name}": "${PASS}`, PASS],
      ['secret', `<${name}>${PASS}</${name}>`, PASS],
      ['secret', `?a=1&${name}=${PASS}&b=2`, PASS],
    ]),
    ['secret', `login --password ${PASS} --user ann`, PASS],
    ['secret', `{"name":"password","value":"${PASS}"}`, PASS],
    ['secret', `-----BEGIN ${'PRIVATE'} KEY-----\n${body(64)}\n-----END ${'PRIVATE'} KEY-----`, body(64)],
    ['secret', `-----BEGIN RSA ${'PRIVATE'} KEY-----\n${body(64)}`, body(64)],
  ]

  it.each(positives)('%s: %j', (by, text, planted) => {
    const { value, found } = redact(text)
    expect(found.map((each) => each.by)).toContain(by)
    if (planted !== '') expect(value).not.toContain(planted)
    expect(value).toHaveLength(text.length)
    expect(redact(value)).toEqual({ value, found: [] })
  })

  it.each([
    '7f3a2b10-1234-4567-8901-123456789012',
    'd41d8cd98f00b204e9800998ecf8427e',
    '4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    '2026-12-01T01:00:08.123456789Z and 1764550808123',
    'ISBN 978-3-16-148410-0, order 1234567890123456',
    'score 0.4111111111111111 of 1',
    'version 10.12.345-beta.6+build.20261201',
    `data:image/png;base64,${'iVBORw0KGgo+/AAAA'.repeat(20)}`,
    'max_tokens: 4096, inputTokens=120, next_page_token=abc123',
    'password: required',
    'token expired',
    'the key: value of a map',
    'const password: string = getPassword()',
    'https://example.com:8080/path/@scope/package?x=1',
    'git@github.com:owner/name.git',
    'Basic understanding of the bearer of news',
    'GB00 NWBK 6016 1331 9268 19',
    '4111 1111 1111 1112',
    '4111 1111\n1111 1112',
    '4111 1111\n1111 1111\n1111 1111',
    '4111\n1111\n1111\n1111',
    '1200 4111 1111\n1111 1111',
    'skill-task-risk-analysis-of-everything-here',
    '{"a":[1,2,3],"sort_key":"abc","public_key":"xyz"}',
  ])('leaves %j as it is', (text) => {
    expect(redact(text)).toEqual({ value: text, found: [] })
  })

  it('keeps the last digits of a card and the prefix of a key', () => {
    expect(redact(CARD.join(' ')).value).toBe('**** **** **** 1111')
    expect(redact(`ghp_${body(36)}`).value).toBe(`ghp_${'*'.repeat(36)}`)
  })
})
