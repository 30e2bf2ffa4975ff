import { expect, test } from 'vitest'
import { failureOf } from './failure.js'

test.each<[string, unknown, { code: string; message: string }]>([
  ['an error', new RangeError('too far'), { code: 'RangeError', message: 'too far' }],
  ['an error with a code', Object.assign(new Error('gone'), { code: 'ENOENT' }), { code: 'ENOENT', message: 'gone' }],
  ['a numeric code', new DOMException('stop', 'AbortError'), { code: 'AbortError', message: 'stop' }],
  ['no message', new TypeError(), { code: 'TypeError', message: 'TypeError' }],
  ['text', 'oh no', { code: 'Error', message: 'oh no' }],
  ['undefined', undefined, { code: 'Error', message: 'undefined' }],
  ['null', null, { code: 'Error', message: 'null' }],
  ['a plain object', { message: 'plain' }, { code: 'Error', message: 'plain' }],
  ['a code and a message', { code: 'E_QUOTA', message: 'spent' }, { code: 'E_QUOTA', message: 'spent' }],
  ['a number for a code', { code: 429, message: 'slow down' }, { code: '429', message: 'slow down' }],
  ['an object around an error', { error: new RangeError('too far') }, { code: 'RangeError', message: 'too far' }],
  ['an object around a text', { error: 'oh no', code: 'E1' }, { code: 'E1', message: 'oh no' }],
  ['an answer', { error: { error: { code: 'x', message: 'deep' } } }, { code: 'x', message: 'deep' }],
  [
    'an object that says nothing',
    { status: 500, body: 'secret' },
    { code: 'Error', message: 'an object with the fields status, body was thrown' },
  ],
  ['a symbol', Symbol('s'), { code: 'Error', message: 'Symbol(s)' }],
  [
    'an object without prototype',
    Object.create(null),
    { code: 'Error', message: 'a value that cannot be read was thrown' },
  ],
])('reads %s', (_, thrown, failure) => {
  expect(failureOf(thrown)).toEqual({ ...failure, ...stackIn(thrown) })
})

/** The stack trace of a thrown error, or of the one in an object. */
function stackIn(thrown: unknown): object {
  const error = thrown instanceof Error ? thrown : (thrown as { readonly error?: unknown } | undefined | null)?.error
  return error instanceof Error ? { stackTrace: error.stack } : {}
}

test('getters and traps that throw count as missing', () => {
  class Hostile extends Error {
    override get name(): string {
      throw new Error('no name')
    }
    override get message(): string {
      throw new Error('no message')
    }
    get code(): string {
      throw new Error('no code')
    }
  }
  expect(failureOf(new Hostile())).toMatchObject({ code: 'Error', message: 'a value that cannot be read was thrown' })
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  expect(failureOf(proxy)).toMatchObject({ code: 'Error' })
})
