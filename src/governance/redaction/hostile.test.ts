import { expect, test } from 'vitest'
import { redact } from '../../../test/support/redacted.js'

const LENGTH = 64 * 1024
const nested = (length: number) => {
  let text = 'x'
  while (text.length < length) text = JSON.stringify({ a: text, password: 'hunter2' })
  return text
}

// A search that grows with the square of the length takes minutes for each of them, and not a part of a second.
test.each([
  ...[
    '4',
    '4111 ',
    '4111\n',
    '4111 1111\n',
    'DE89\n',
    'DE89  \n  3',
    '4111 1111 1111 1111 ',
    '41111 11111111111 ',
    '4 ',
    '\u0664',
    '4\u200b',
    '"',
    '\\',
    '\\"',
    '\\n',
    '%25',
    '&amp;',
  ],
  ...[
    'password=',
    'password: ',
    'password="',
    `password="password='`,
    '{"password":"',
    '"name":"password",',
    '["password",',
    '--password ',
  ],
  ...[
    '<password>',
    'password is ',
    'token',
    'pass_',
    'password: |\n a\n',
    'password:["a",',
    'cookie: a=b; ',
    'authorization: digest ',
  ],
  ...[
    'bearer ',
    '://',
    'http://a:b',
    'a@',
    'a.b@c.d',
    '-----BEGIN PRIVATE KEY-----',
    'eyJhbGciOiJI.',
    'ghp_',
    'sk-',
    'EAAAiVBO+/',
    'GB29 NWBK ',
  ],
  ...['+49 ', '01 ', '(555) ', 'mysql ', 'curl -u ', 'docker login ', '{"a":', '['],
])('%j over and over comes to an end, and to nothing more to find', (unit) => {
  const text = unit.repeat(LENGTH / unit.length)
  const { value, failed } = redact(text, { email: true, telephone: true })
  expect(failed).toBeUndefined()
  expect(value).toHaveLength(text.length)
  expect(redact(value, { email: true, telephone: true }).found).toEqual([])
})

test('texts within texts, and members whose masked names are the same, come to an end', () => {
  expect(redact(nested(LENGTH)).value).not.toContain('hunter2')
  const members = `{${Array(Math.floor(LENGTH / 25))
    .fill(`"${'4111'}${'1'.repeat(12)}":1`)
    .join(',')}}`
  expect(redact(members).value).toContain('"************1111 (2)":1')
})
