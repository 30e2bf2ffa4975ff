import { describe, expect, it } from 'vitest'
import { body, CARD, PASS, redact } from '../../../test/support/redacted.js'

describe('JSON values', () => {
  it('masks by the name of the member, in a copy', () => {
    const value = {
      user: 'ann',
      password: PASS,
      n: { card: Number(CARD.join('')) },
      l: ['Authorization', `Bearer ${PASS}`],
    }
    const before = structuredClone(value)
    const result = redact(value)
    expect(value).toEqual(before)
    expect(JSON.stringify(result.value)).not.toContain(PASS)
    expect(result.value).toMatchObject({ user: 'ann', n: { card: '************1111' } })
  })

  it('keeps members apart whose names fall together', () => {
    const other = ['5555', '5555', '5555', '1111'].join('')
    const value = { [CARD.join('')]: 1, [`4${'0'.repeat(9)}${'111111'}`]: 2, [other]: 3 }
    expect(Object.keys(redact(value).value as object)).toHaveLength(3)
  })

  it('leaves JSON texts JSON', () => {
    const text = `{"card":${CARD.join('')},"password":12345678,"t":"a\\nb"}`
    const value = redact(text).value as string
    expect(JSON.parse(value)).toEqual({ card: '************1111', password: '********', t: 'a\nb' })
  })

  it('leaves out what has no end', () => {
    const cyclic: Record<string, unknown> = {}
    cyclic.self = cyclic
    expect(redact(cyclic)).toMatchObject({ value: undefined, failed: 'detectors' })
  })
})

describe('members whose values are secrets', () => {
  it.each<[string, unknown, unknown]>([
    [
      'a list of headers',
      { headers: [['Authorization', 'Bearer swordfish']] },
      { headers: [['Authorization', 'Bearer *********']] },
    ],
    ['headers one after the other', ['Host', 'x', 'Cookie', 'sid=swordfish'], ['Host', 'x', 'Cookie', 'sid=*********']],
    [
      'cookies',
      { 'set-cookie': ['sid=abc; Path=/'], cookies: { sid: 'abc' } },
      { 'set-cookie': ['sid=***; Path=/'], cookies: { sid: '***' } },
    ],
    [
      'a list of pairs',
      [
        ['password', 'swordfish'],
        ['user', 'ann'],
      ],
      [
        ['password', '*********'],
        ['user', 'ann'],
      ],
    ],
    [
      'a name and a value',
      { env: [{ name: 'DB_PASSWORD', value: 'abc' }] },
      { env: [{ name: 'DB_PASSWORD', value: '***' }] },
    ],
    ['a value and a name', [{ value: 'abc', key: 'password' }], [{ value: '***', key: 'password' }]],
    [
      'an attribute of OTLP',
      { key: 'password', value: { stringValue: 'abc' } },
      { key: 'password', value: { stringValue: '***' } },
    ],
    ['arguments', ['login', '--password', 'swordfish', '-v'], ['login', '--password', '*********', '-v']],
    ['arguments of a command', ['mysql', '-pswordfish', 'db'], ['mysql', '-p*********', 'db']],
    ['a user with a password', ['curl', '-u', 'ann:swordfish', 'x'], ['curl', '-u', 'ann:*********', 'x']],
    [
      'an object',
      { credentials: { user: 'ann', key: ['b', 1, true, null] } },
      { credentials: { user: '***', key: ['*', '*', true, null] } },
    ],
    ['a number', { password: 1234, pin: 1234, pass: 12 }, { password: '****', pin: '****', pass: 12 }],
    ['a name in other letters', { '\uff50\uff41\uff53\uff53word': 'abc' }, { '\uff50\uff41\uff53\uff53word': '***' }],
    ['a JSON text as a secret', { secret: '{"a":"x1","n":5,"b":true}' }, { secret: '{"a":"**","n":"*","b":true}' }],
    [
      'a login of Docker',
      { auths: { x: { auth: Buffer.from('ann:x').toString('base64') } } },
      { auths: { x: { auth: '*******=' } } },
    ],
    ['a large integer', { n: BigInt(CARD.join('')), m: 5n }, { n: '************1111', m: 5n }],
    ['a name of a member', { [`ghp_${body(36)}`]: 1 }, { [`ghp_${'*'.repeat(36)}`]: 1 }],
  ])('%s', (_, value, expected) => {
    expect(redact(value).value).toEqual(expected)
    expect(redact(expected).found).toEqual([])
  })

  it.each<[string, unknown]>([
    ['a schema', { properties: { password: { type: 'string', description: 'At least 8 characters' } } }],
    ['names of fields', { required: ['password', 'email'], allowed: ['Authorization', 'Content-Type'] }],
    ['a parameter', { parameters: [{ name: 'password', in: 'query', type: 'string' }] }],
    ['probabilities of tokens', { token: 'Hello', logprob: -0.1 }],
    ['counts', { usage: { prompt_tokens: 12345678, tokens: 5 }, token: 5, tests: { pass: 5 } }],
    ['switches', { hasPassword: true, password: null, show_password: 'x' }],
    ['positions in a list', { next_page_token: 'abc1', syncToken: 'b2', sort_key: 'c3', public_key: 'd4' }],
    ['a directory', { env: { PWD: '/home/ann', OLDPWD: 'C:\\x' } }],
    ['templates', { password: '\u0024{PASSWORD}', token: '<token>', secret: '[Filtered]' }],
    ['versions of packages', { dependencies: { cookie: '^0.7.1', '@tokenizer/token': '^0.3.0' } }],
  ])('leaves %s as it is', (_, value) => {
    expect(redact(value)).toEqual({ value, found: [] })
  })
})

describe('JSON texts', () => {
  it('keep how they are written', () => {
    const text = `{ "a" : 1.0, "a":2, "n":12345678901234567890, "big":1e999,\n "password" : "${PASS}", "u":"\\u00e9\\/" }`
    expect(redact(text).value).toBe(text.replace(PASS, '*******-**'))
  })

  it('are looked at within others, as deep as they are', () => {
    let value: unknown = { password: PASS, card: Number(CARD.join('')) }
    for (let level = 0; level < 6; level++) value = { [`level ${level}`]: JSON.stringify(value) }
    let kept = redact(value).value
    for (let level = 5; level >= 0; level--)
      kept = JSON.parse((kept as Record<string, string>)[`level ${level}`] as string)
    expect(kept).toEqual({ password: '*******-**', card: '************1111' })
  })

  it('are decoded, so that a line ends where it does', () => {
    const text = JSON.stringify({ log: `password=${PASS}\nDone at 5` })
    expect(JSON.parse(redact(text).value as string)).toEqual({ log: 'password=*******-**\nDone at 5' })
  })

  it.each([64, 127, 200, 5000])('of %d levels end', (levels) => {
    const text = `${'{"a":'.repeat(levels)}"password=${PASS}"${'}'.repeat(levels)}`
    const { value } = redact(text)
    expect(value).not.toContain(PASS)
    expect(() => JSON.parse(value as string)).not.toThrow()
  })
})
