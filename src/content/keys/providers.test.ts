import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { base, useTestDirectory } from '../../../test/support/test-directory.js'
import type { Subject } from '../contract.js'
import { FileContentKeys } from './file-keys.js'
import { type ContentKeysOptions, fileKeysOf } from './options.js'
import type { ContentKeyProvider } from './provider.js'
import { rotateContentKey } from './rotate.js'

useTestDirectory()

const ann: Subject = { tenantId: 't', kind: 'actor', id: 'ann' }
const never = () => new Promise<Uint8Array>(() => {})
/** Wraps nothing: what it returns is what it was given. */
const open: ContentKeyProvider = { id: 'open', wrap: (key) => key, unwrap: (wrapped) => wrapped }

/** A promise of its own kind, as older clients of services have. */
function promiseLike(then: (use: (bytes: Uint8Array) => void) => void): PromiseLike<Uint8Array> {
  return Object.fromEntries([['then', then]]) as never
}

function opened(provider: ContentKeyProvider, answerMillis = 60_000) {
  const problems: Error[] = []
  const directory = join(base, 'keys')
  const report = (problem: Error) => problems.push(problem)
  return { problems, keys: new FileContentKeys({ directory, provider, use: 'writing', report, answerMillis }) }
}

describe('a provider', () => {
  test.each<[string, Partial<ContentKeyProvider>]>([
    ['wraps never', { wrap: never }],
    ['unwraps never', { unwrap: never }],
  ])('that %s holds nothing up, and is reported once', async (_, part) => {
    const { keys, problems } = opened({ ...open, ...part }, 1)
    expect(keys.keyFor(ann)).toBeUndefined()
    await keys.settled()
    await keys.ready()
    await keys.ready()
    expect(keys.keyFor(ann)).toBeUndefined()
    expect(keys.keyOf('0'.repeat(32))).toBe('unavailable')
    expect(problems).toMatchObject([{ code: 'AUDIT_KEY_INVALID', message: expect.stringContaining('did not answer') }])
  })

  test('that answers late is taken all the same', async () => {
    let answer = () => {}
    const asked = new Promise<void>((resolve) => {
      answer = resolve
    })
    const { keys, problems } = opened({ ...open, unwrap: (wrapped) => asked.then(() => wrapped) }, 1)
    await keys.ready()
    expect(problems.length).toBe(1)
    answer()
    while (!keys.keyFor(ann)) await new Promise((resolve) => setImmediate(resolve))
    expect(problems.length).toBe(1)
  })

  const thrown = Object.create(null)
  const hostile = {
    get message() {
      throw new Error('no')
    },
  }
  test.each<[string, unknown]>([
    ['throws', { wrap: () => expect.fail('no') }],
    ['throws no error', { wrap: () => Promise.reject(thrown) }],
    ['rejects with nothing', { unwrap: () => Promise.reject() }],
    ['throws what cannot be read', { unwrap: () => Promise.reject(Object.setPrototypeOf(hostile, Error.prototype)) }],
    ['wraps to nothing', { wrap: () => undefined }],
    ['wraps to a text', { wrap: async () => 'wrapped' }],
    ['wraps to no bytes', { wrap: () => new Uint8Array() }],
    ['wraps to too many bytes', { wrap: () => new Uint8Array(20_000) }],
    ['unwraps to nothing', { unwrap: () => null }],
    ['unwraps to a list', { unwrap: (wrapped: Uint8Array) => [...wrapped] }],
    ['unwraps to too few bytes', { unwrap: () => new Uint8Array(31) }],
    ['unwraps to other bytes', { unwrap: () => new Uint8Array(32) }],
    ['has a then that throws', { wrap: () => promiseLike(() => expect.fail('no')) }],
    ['forgets', { wrap: () => Buffer.from('x'), unwrap: async () => new Uint8Array(32) }],
  ])('that %s is reported once, and nothing is written for it', async (_, part) => {
    const { keys, problems } = opened({ ...open, ...(part as object) })
    for (let n = 0; n < 3; n++) expect(keys.keyFor(ann)).toBeUndefined()
    for (let n = 0; n < 3; n++) await keys.ready()
    expect(keys.keyFor(ann)).toBeUndefined()
    expect(problems).toMatchObject([{ code: 'AUDIT_KEY_INVALID' }])
    expect(readdirSync(base)).toEqual([])
  })

  test.each<[string, ContentKeyProvider]>([
    ['answers at once', open],
    ['answers with a promise of its own kind', { ...open, unwrap: (bytes) => promiseLike((use) => use(bytes)) }],
    ['has byte arrays of another realm', { ...open, wrap: (key) => runInNewContext('Uint8Array').from(key) }],
    [
      'clears what it is given',
      {
        ...open,
        wrap: (key) => {
          const wrapped = Uint8Array.from(key)
          key.fill(0)
          return wrapped
        },
      },
    ],
  ])('that %s gives the key', async (_, provider) => {
    const { keys, problems } = opened(provider)
    await keys.ready()
    const key = keys.keyFor(ann)
    expect(key).toBeDefined()
    const again = opened(provider)
    await again.keys.ready()
    expect(again.keys.keyFor(ann)?.id).toBe(key?.id)
    expect([...problems, ...again.problems]).toEqual([])
  })

  test('that fails once is asked again by who waits for it', async () => {
    let asked = 0
    const { keys } = opened({
      ...open,
      wrap: (key) => {
        if (asked++ === 0) throw new Error('not now')
        return key
      },
    })
    await keys.ready()
    expect(keys.keyFor(ann)).toBeUndefined()
    await keys.ready()
    expect(keys.keyFor(ann)).toBeDefined()
  })
})

describe('options of keys', () => {
  const of = (options: unknown) =>
    fileKeysOf(options as ContentKeysOptions, { of: 'f', location: join(base, 'audit'), use: 'writing' })

  test.each<[unknown, RegExp]>([
    [null, /must be an object/],
    [true, /must be an object/],
    [{ keyfile: 'x' }, /unknown option 'keyfile'; did you mean 'keyFile'/],
    [{ keyFile: '' }, /contentKeys\.keyFile must be a path/],
    [{ keyFile: 5 }, /contentKeys\.keyFile must be a path/],
    [{ directory: '' }, /contentKeys\.directory must be a path/],
    [{ provider: {} }, /id of a provider/],
    [{ provider: null }, /id of a provider/],
    [{ provider: { ...open, id: '' } }, /id of a provider/],
    [{ provider: { ...open, id: 'a\nb' } }, /id of a provider/],
    [{ provider: { ...open, id: 'x'.repeat(257) } }, /id of a provider/],
    [{ provider: { id: 'a', wrap: open.wrap } }, /functions wrap and unwrap/],
    [{ provider: open, keyFile: 'x' }, /keyFile or provider, not both/],
  ])('%j are refused', (options, message) => {
    expect(() => of(options)).toThrow(TypeError)
    expect(() => of(options)).toThrow(message)
  })

  test('may be left out', () => {
    expect(of({})).toBeInstanceOf(FileContentKeys)
    expect(of({ keyFile: undefined, provider: undefined, directory: undefined })).toBeInstanceOf(FileContentKeys)
  })

  test('of a rotation are checked', async () => {
    mkdirSync(join(base, 'keys'))
    const good = { directory: join(base, 'keys'), from: open, to: open }
    for (const part of [{ directory: '' }, { from: undefined }, { to: { id: 'x' } }, { keyFile: 'x' }]) {
      await expect(rotateContentKey({ ...good, ...part } as never)).rejects.toThrow(TypeError)
    }
    await expect(rotateContentKey(good)).rejects.toMatchObject({ code: 'AUDIT_KEY_INVALID' })
  })
})
