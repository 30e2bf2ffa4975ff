import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { formatVkey, keyIdOf, parseVkey, SIGNATURE_TYPES } from './key.js'

// The key of C2SP signed-note's example.
const VKEY = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k'
const invalid = expect.objectContaining({ code: 'AUDIT_KEY_INVALID' })

/** A vkey of any material, with the key id that belongs to it. */
function vkeyOf(name: string, material: Uint8Array): string {
  const id = createHash('sha256').update(`${name}\n`).update(material).digest('hex').slice(0, 8)
  return `${name}+${id}+${Buffer.from(material).toString('base64')}`
}

describe('vkey', () => {
  it('is read and written as the specification has it', () => {
    const key = parseVkey(VKEY)
    expect(key).toMatchObject({ name: 'example.com/foo', type: 1 })
    expect(key.publicKey).toHaveLength(32)
    expect(keyIdOf(key)).toBe(0x530d903a)
    expect(formatVkey(key)).toBe(VKEY)
  })

  it('gives the same public key another id for cosignatures', () => {
    const key = { ...parseVkey(VKEY), type: SIGNATURE_TYPES.cosignature }
    expect(keyIdOf(key)).not.toBe(0x530d903a)
    expect(parseVkey(formatVkey(key))).toMatchObject({ name: 'example.com/foo', type: 4 })
  })

  it('is refused with any character changed, left out or added', () => {
    for (let at = 0; at < VKEY.length; at++) {
      const next = String.fromCharCode(VKEY.charCodeAt(at) + 1)
      expect(() => parseVkey(`${VKEY.slice(0, at)}${next}${VKEY.slice(at + 1)}`)).toThrow(invalid)
      expect(() => parseVkey(VKEY.slice(0, at))).toThrow(invalid)
      if (at > 0) expect(() => parseVkey(VKEY.slice(at))).toThrow(invalid)
    }
    for (const other of [`${VKEY}\n`, ` ${VKEY}`, `${VKEY}=`, `${VKEY}AAAA`, VKEY.toUpperCase(), '++', '']) {
      expect(() => parseVkey(other)).toThrow(invalid)
    }
    expect(() => parseVkey(VKEY.replace('530d903a', '530D903A'))).toThrow(invalid)
  })

  it('is refused for other algorithms and lengths, even with the key id that belongs to them', () => {
    const key = parseVkey(VKEY).publicKey
    const material = (type: number, publicKey: Uint8Array) => Buffer.concat([Uint8Array.of(type), publicKey])
    expect(parseVkey(vkeyOf('good', material(1, key))).name).toBe('good')
    expect(() => parseVkey(vkeyOf('mldsa', material(6, key)))).toThrow(invalid)
    expect(() => parseVkey(vkeyOf('short', material(1, key.subarray(1))))).toThrow(invalid)
    expect(() => parseVkey(vkeyOf('long', material(1, Buffer.concat([key, key]))))).toThrow(invalid)
    expect(() => parseVkey(vkeyOf('nothing', new Uint8Array()))).toThrow(invalid)
    expect(() => parseVkey(vkeyOf('two words', material(1, key)))).toThrow(invalid)
  })
})
