import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { prefixEnd } from '../../keys.js'
import { seqOfKey } from '../../seq-bytes.js'
import { NameHashes } from '../hash-key.js'
import {
  callerIdKey,
  isPostingOf,
  metaKey,
  openRunKey,
  postingKey,
  stretchKey,
  timeBlockKey,
  valueKey,
  valueKeyOf,
} from './keys.js'

const hashes = new NameHashes(Buffer.alloc(16, 9))
const name = fc.oneof(fc.string({ unit: 'binary', maxLength: 12 }), fc.constantFrom('', 'a', 'a\0', '\ud800', '\udc00'))
const seq = fc.oneof(fc.nat(), fc.maxSafeNat())

const sessionKey = (...parts: readonly string[]) =>
  valueKey(
    'session',
    parts.map((part) => hashes.of(part)),
  )
const within = (key: Buffer, prefix: Buffer) => key.compare(prefix) >= 0 && key.compare(prefixEnd(prefix)) < 0

describe('keys of the index', () => {
  it('file a posting under its own value, within the range of its first parts, and under no other', () => {
    fc.assert(
      fc.property(name, name, name, seq, (session, tenant, other, n) => {
        const key = postingKey(sessionKey(session, tenant), n)
        expect(isPostingOf(key, sessionKey(session, tenant))).toBe(true)
        expect(isPostingOf(key, sessionKey(session))).toBe(false)
        expect(isPostingOf(key, sessionKey(session, other))).toBe(other === tenant)
        expect(within(key, sessionKey(session))).toBe(true)
        expect(within(key, sessionKey(other))).toBe(other === session)
        expect(within(key, valueKey('run', [hashes.of(session)]))).toBe(false)
        expect([valueKeyOf(key).equals(sessionKey(session, tenant)), seqOfKey(key)]).toEqual([true, n])
      }),
    )
  })

  it('tell ids and runs of tenants apart, however the texts join', () => {
    fc.assert(
      fc.property(name, name, name, name, (a, b, c, d) => {
        const isSame = a === c && b === d
        const ids = [callerIdKey(hashes, { tenantId: a, id: b }), callerIdKey(hashes, { tenantId: c, id: d })] as const
        expect(ids[0].equals(ids[1])).toBe(isSame)
        expect(openRunKey(hashes, a, b).equals(openRunKey(hashes, c, d))).toBe(isSame)
        expect(openRunKey(hashes, a, b).equals(ids[0])).toBe(false)
      }),
    )
  })
})

it('keys are ordered by position', () => {
  fc.assert(
    fc.property(seq, seq, (m, n) => {
      for (const keyOf of [
        stretchKey,
        (at: number) => timeBlockKey(1, at),
        (at: number) => postingKey(sessionKey('s', 't'), at),
      ]) {
        expect(keyOf(m).compare(keyOf(n))).toBe(Math.sign(m - n))
      }
    }),
  )
})

it('keys of one kind of the index come before those of the next', () => {
  const last = Number.MAX_SAFE_INTEGER
  const keys = [
    metaKey('zzz'),
    postingKey(sessionKey('s', 't'), last),
    callerIdKey(hashes, { tenantId: 't', id: 'i' }),
    timeBlockKey(0, 0),
    timeBlockKey(2, last),
    openRunKey(hashes, 't', 'r'),
    stretchKey(0),
  ]
  expect(keys.toSorted((a, b) => a.compare(b))).toEqual(keys)
})
