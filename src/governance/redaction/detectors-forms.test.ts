import { describe, expect, it } from 'vitest'
import { body, boundary, CARD, IBAN, LOGIN, PASS, redact } from '../../../test/support/redacted.js'

const digits = CARD.join('')
const inScript = (zero: number) => [...digits].map((digit) => String.fromCodePoint(zero + Number(digit))).join('')

/** A text, and a part of it that does not stay. */
const forms: Record<string, readonly (readonly [text: string, planted: string])[]> = {
  payment_card: [
    ...[0x660, 0x6f0, 0x966, 0xe50, 0x7c0, 0xff10, 0x1d7ce, 0x1d7d8, 0x104a0].map(
      (zero) => [`card ${inScript(zero)}`, inScript(zero)] as const,
    ),
    ...['\u2010', '\u2013', '\u2015', '\u2212', '\u202f', '\u3000', '\ufeff', '\u00ad', '_', '/', ' - ', '%20'].map(
      (by) => [`card ${CARD.join(by)} 12/27`, CARD.slice(0, 3).join(by)] as const,
    ),
    [[...digits].join(' '), '4 1 1 1 1'],
    [`card${digits}`, digits],
    [`${digits}EUR`, digits],
    [`https://shop.example/pay/${digits}?a=1`, digits],
    ['n=4111+1111+1111+1111&z=1', '4111+1111'],
    [`%34${digits.slice(1)}`, digits.slice(1)],
    [`{"card":"\\u0034${digits.slice(1)}`, digits.slice(1)],
    [`;${digits}=25121010?`, digits],
    [`${digits}.00`, digits],
    ['3782-822463-10005 05/28', '822463'],
    ['no 5 4111 1111 1111 1111 4111 1111 1111 1111', '4111 1111'],
  ],
  iban: [
    [`IBAN:${IBAN.join('')}`, 'NWBK6016'],
    [IBAN.join('-'), '6016-1331'],
    ['AT61 1904 3002 3457 3201 paid now', '1904 3002'],
    [`to ${IBAN.join('\u00a0')}.`, '6016'],
  ],
  api_key: [
    [`https://hooks.slack.com/services/T0/B0/${body(24)}`, body(24)],
    [`123456789:AA${body(33)}`, body(33)],
    [`keyghp_${body(36)}`, body(36)],
    [`https://host.example/ghp_${body(36)}/x`, body(36)],
    [`akia${body(16).toLowerCase()}`, body(16).toLowerCase()],
  ],
  secret: [
    `password%3D${PASS}`,
    `%22password%22%3A%22${PASS}%22`,
    `user[password]=${PASS}&x`,
    `user%5Bpassword%5D=${PASS}&x`,
    `password: |\n  ${PASS}\n  b\nuser: c`,
    `export DB_PASSWORD=${PASS}`,
    `set TOKEN="${PASS}"`,
    `- name: DB_PASSWORD\n  value: ${PASS}\n`,
    `Authorization: ${PASS}`,
    `Authorization: Custom ${PASS}`,
    `Authorization: Digest username="ann", response="${PASS}"`,
    `Authorization: AWS4-HMAC-SHA256 Credential=a/b, Signature=${PASS}`,
    `X-Api-Key: ${PASS}\r\nHost: x`,
    `Cookie: sid=${PASS}; theme=dark`,
    `Set-Cookie: sid=${PASS}; Path=/; HttpOnly`,
    `Server=x;Uid=a;Pwd=${PASS};`,
    `mongodb+srv://u:${PASS}@c.example/db`,
    `amqp://u:p@ss${PASS}@h`,
    `postgres://u:p/${PASS}@h/db`,
    `postgres://u:p%40${PASS}@h/db`,
    `jdbc:mysql://h/db?user=a&password=${PASS}`,
    `mysql -u root -p${PASS} db`,
    `sshpass -p '${PASS}' ssh h`,
    `curl -u ann:${PASS} https://x`,
    `docker login -u a -p ${PASS} r`,
    `redis-cli -a ${PASS} ping`,
    `openssl -passin pass:${PASS}`,
    `run --token=${PASS}`,
    `run --api-key "${PASS}"`,
    `{'password': '${PASS}'}`,
    `{password: '${PASS}'}`,
    `log: {\\"password\\":\\"${PASS}\\"}`,
    `log: {\\\\\\"password\\\\\\":\\\\\\"${PASS}\\\\\\"}`,
    `log: {"password":"a\\"${PASS}"}`,
    `log: {"password":["a","${PASS}"]}`,
    `["Authorization","Bearer ${PASS}"], cut`,
    `('password', '${PASS}')`,
    `<add key="password" value="${PASS}"/>`,
    `<name>password</name><value>${PASS}</value>`,
    `<ns:password type="x">${PASS}</ns:password>`,
    `&lt;password&gt;${PASS}&lt;/password&gt;`,
    `<password><![CDATA[${PASS}]]></password>`,
    `IDENTIFIED BY '${PASS}'`,
    `ALTER USER x WITH PASSWORD '${PASS}';`,
    `my password is ${PASS}.`,
    `API key: ${PASS}`,
    `**Password:** ${PASS}`,
    `password := "${PASS}"`,
    `const password: string = '${PASS}'`,
    `\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff44\uff1a${PASS}`,
    `p\u200bassword=${PASS}`,
    `password=a,${PASS}`,
    `password=a;${PASS}`,
    `password=a(${PASS}`,
    `https://x/?sig=${PASS}&se=1`,
    `https://x/?X-Amz-Signature=${PASS}`,
    `_authToken=${PASS}`,
    `Passwort: ${PASS}`,
    `\u5bc6\u7801\uff1a${PASS}`,
  ].map((text) => [text, PASS] as const),
}
forms.secret = [
  ...(forms.secret ?? []),
  ['password=123456', '123456'],
  ['pin: 1234', '1234'],
  [`authorization: basic ${LOGIN}`, LOGIN],
  [`AccountName=x;AccountKey=${body(40)}==;EndpointSuffix=y`, body(40)],
  [`"${boundary('BEGIN', 'PRIVATE')}\\n${body(64)}\\n${body(40)}\\n${boundary('END', 'PRIVATE')}\\n"`, body(40)],
  [`${boundary('BEGIN', 'EC PRIVATE')}${body(64)}${boundary('END', 'EC PRIVATE')}`, body(64)],
  [`${boundary('BEGIN', 'OPENSSH PRIVATE')}\r\n${body(64)}\r\n${body(9)}`, body(9)],
]

describe.each(Object.entries(forms))('%s', (by, texts) => {
  it.each(texts)('is found in %j', (text, planted) => {
    const { value, found } = redact(text)
    expect(found.map((each) => each.by)).toContain(by)
    expect(value).not.toContain(planted)
    expect(value).toHaveLength(text.length)
    expect(redact(value)).toEqual({ value, found: [] })
  })
})

it.each([
  'Unexpected token } in JSON at position 4',
  'Unexpected token \'T\', "The quota" is not valid JSON',
  'password = config.password; api_key=os.environ["OPENAI_API_KEY"]; apiKey: process.env.API_KEY',
  'Authorization: Bearer <token>, password=$PASSWORD, token: \u0024{TOKEN}',
  'z.object({ password: z.string(), token: CancellationToken })',
  "console.log('password:', password)",
  'PWD=/home/ann',
  'tests pass: 5, fail: 3. Pass `true` as the second argument',
  '--password string   the password',
  'cookie: chocolate, author: Ann, keyboard: k1, key: abc123',
  'docker run -p 8080:80 x; ssh -p 2222 host; curl -u ann https://x',
  '2026-12-01 01:00:08 4096 8192, phone +4915112345678',
  '12344567-1234-4567-8901-123456789012',
  `${'0a1b2c3d'}${CARD.join('')}${'0a1b2c3d'}`,
  'sk-learn-compatible-estimators',
  'C:\\temp\\notes, 100% of 50%25 & more',
])('leaves %j as it is', (text) => {
  expect(redact(text)).toEqual({ value: text, found: [] })
})
