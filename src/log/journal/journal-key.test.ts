import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { JournalKey, journalKeyFrom, MAC_BYTES } from './journal-key.js'

const secret = Buffer.alloc(32, 7)

afterEach(() => {
  vi.unstubAllEnvs()
})

describe('the MAC of a record', () => {
  const mac = new JournalKey(secret).forLog('log-1')
  const place = fc.record({
    previous: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    leafHash: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    callerId: fc.boolean(),
    segment: fc.nat(),
    offset: fc.maxSafeNat(),
  })
  const macOf = (record: Parameters<typeof mac.write>[2], by = mac) => {
    const target = Buffer.alloc(MAC_BYTES)
    by.write(target, 0, record)
    return target
  }

  it('is HMAC-SHA-256 over the record before, the leaf hash and the place, cut to its first half', () => {
    const key = createHmac('sha256', secret).update('spanledger journal records\nlog-1\n').digest()
    fc.assert(
      fc.property(place, (record) => {
        const numbers = Buffer.alloc(17)
        numbers.writeBigUInt64BE(BigInt(record.segment), 0)
        numbers.writeBigUInt64BE(BigInt(record.offset), 8)
        numbers[16] = record.callerId ? 1 : 0
        const hmac = createHmac('sha256', key).update(record.previous).update(record.leafHash).update(numbers).digest()
        expect(macOf(record)).toEqual(hmac.subarray(0, MAC_BYTES))
      }),
    )
  })

  it('fits no other record, place, log or key', () => {
    const others = [new JournalKey(secret).forLog('log-2'), new JournalKey(Buffer.alloc(32, 8)).forLog('log-1')]
    fc.assert(
      fc.property(place, place, (record, other) => {
        const made = macOf(record)
        expect(mac.fits(made, record)).toBe(true)
        for (const field of Object.keys(record) as (keyof typeof record)[]) {
          if (Buffer.from(String(record[field])).equals(Buffer.from(String(other[field])))) continue
          expect(mac.fits(made, { ...record, [field]: other[field] })).toBe(false)
        }
        for (const by of others) expect(by.fits(made, record)).toBe(false)
        expect(mac.fits(made.subarray(1), record)).toBe(false)
      }),
    )
  })
})

describe('the key', () => {
  it('is bytes, base64, base64url or hexadecimal, or in the environment', () => {
    const { id } = new JournalKey(secret)
    const texts = [secret.toString('base64'), secret.toString('base64url'), ` ${secret.toString('hex')}\n`]
    for (const given of [secret, new Uint8Array(secret), ...texts]) {
      expect(journalKeyFrom('of', given)?.id).toBe(id)
    }
    expect(journalKeyFrom('of', undefined)).toBeUndefined()
    vi.stubEnv('SPANLEDGER_JOURNAL_KEY', texts[0] as string)
    expect(journalKeyFrom('of', undefined)?.id).toBe(id)
    expect(journalKeyFrom('of', Buffer.alloc(32, 8))?.id).not.toBe(id)
  })

  it.each([
    ['', 'journalKey'],
    ['no key !', 'journalKey'],
    [secret.subarray(1), 'journalKey'],
    [secret.subarray(1).toString('base64'), 'journalKey'],
    [secret.subarray(1).toString('hex'), 'journalKey'],
  ])('is refused when it is too short or malformed (%#), and never shown', (given, named) => {
    const told = expect.objectContaining({ code: 'AUDIT_KEY_INVALID', message: expect.stringContaining(named) })
    expect(() => journalKeyFrom('of', given)).toThrow(told)
    if (typeof given !== 'string' || given === '') return
    vi.stubEnv('SPANLEDGER_JOURNAL_KEY', given)
    expect(() => journalKeyFrom('of', undefined)).toThrow(/^SPANLEDGER_JOURNAL_KEY must/)
    expect(() => journalKeyFrom('of', undefined)).not.toThrow(given)
  })

  it('of another kind is a mistake in the program', () => {
    for (const given of [5, null, {}, ['x']]) expect(() => journalKeyFrom('openAuditLog', given)).toThrow(TypeError)
  })
})
