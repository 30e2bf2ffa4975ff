import { generateKeyPairSync, sign } from 'node:crypto'
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { parseVkey } from './key.js'
import { openNote, signNote } from './note.js'
import { Ed25519Signer, externalSigner } from './signer.js'

const invalidKey = expect.objectContaining({ code: 'AUDIT_KEY_INVALID' })
const pem = (key: ReturnType<typeof generateKeyPairSync>['privateKey'], cipher?: object) =>
  key.export({ format: 'pem', type: 'pkcs8', ...cipher }) as string

describe('Ed25519Signer', () => {
  it('signs what its vkey opens', async () => {
    const signer = Ed25519Signer.generate('log.example')
    const message = await signNote('text\n', [signer])
    expect(openNote(message, [signer.vkey]).text).toBe('text\n')
  })

  it('makes the key of RFC 8032 section 7.1 from its seed', () => {
    const seed = '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60'
    const publicKey = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a'
    const der = Buffer.from(`302e020100300506032b657004220420${seed}`, 'hex').toString('base64')
    const signer = Ed25519Signer.fromPem('rfc8032', `-----BEGIN PRIVATE KEY-----\n${der}\n-----END PRIVATE KEY-----\n`)
    expect(Buffer.from(parseVkey(signer.vkey).publicKey).toString('hex')).toBe(publicKey)
    expect(Buffer.from(signer.sign(new Uint8Array())).toString('hex')).toBe(
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    )
  })

  it('is the same key after it was written as PEM or skey and read again', () => {
    const signer = Ed25519Signer.generate('log.example')
    expect(Ed25519Signer.fromPem('log.example', signer.exportPem()).vkey).toBe(signer.vkey)
    expect(Ed25519Signer.fromPem('log.example', Buffer.from(signer.exportPem())).vkey).toBe(signer.vkey)
    expect(Ed25519Signer.fromSkey(signer.exportSkey()).vkey).toBe(signer.vkey)
    expect(Ed25519Signer.fromSkey(signer.exportSkey()).exportSkey()).toBe(signer.exportSkey())
  })

  it('refuses other keys and what is no key', () => {
    const ed25519 = generateKeyPairSync('ed25519')
    const others = [
      pem(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey),
      pem(generateKeyPairSync('ed448').privateKey),
      pem(ed25519.privateKey, { cipher: 'aes-256-cbc', passphrase: 'secret' }),
      ed25519.publicKey.export({ format: 'pem', type: 'spki' }) as string,
      pem(ed25519.privateKey).slice(0, 60),
      '',
    ]
    for (const other of others) expect(() => Ed25519Signer.fromPem('log.example', other)).toThrow(invalidKey)
  })

  it('refuses an skey with any character changed or left out', () => {
    const skey = Ed25519Signer.generate('log').exportSkey()
    for (let at = 0; at < skey.length; at++) {
      const next = String.fromCharCode(skey.charCodeAt(at) + 1)
      expect(() => Ed25519Signer.fromSkey(`${skey.slice(0, at)}${next}${skey.slice(at + 1)}`)).toThrow(invalidKey)
      expect(() => Ed25519Signer.fromSkey(skey.slice(0, at))).toThrow(invalidKey)
    }
  })

  it('has a name that a note may have', () => {
    for (const name of ['', 'two words', 'a+b', 'a\nb', 'a\0b', '\ud800']) {
      expect(() => Ed25519Signer.generate(name)).toThrow(TypeError)
    }
  })

  it('does not show its private key', () => {
    const signer = Ed25519Signer.generate('log.example')
    const seed = signer.exportSkey().slice('PRIVATE+KEY+log.example+00000000+'.length)
    for (const shown of [inspect(signer, { showHidden: true, depth: 9 }), JSON.stringify(signer)]) {
      expect(shown).toContain('log.example')
      expect(shown).not.toContain(seed.slice(2, -2))
      expect(shown).not.toContain('KeyObject')
    }
  })
})

describe('externalSigner', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const spki = publicKey.export({ format: 'der', type: 'spki' })

  it('signs with a key that others hold', async () => {
    const signer = externalSigner({
      name: 'kms.example',
      publicKey: spki,
      sign: async (text) => sign(null, text, privateKey),
    })
    expect(openNote(await signNote('text\n', [signer]), [signer.vkey]).text).toBe('text\n')
    const fromPem = publicKey.export({ format: 'pem', type: 'spki' }) as string
    expect(externalSigner({ name: 'kms.example', publicKey: fromPem, sign: signer.sign }).vkey).toBe(signer.vkey)
  })

  it('does not let a signature of another key, or of another text, out', async () => {
    const other = generateKeyPairSync('ed25519').privateKey
    for (const wrong of [
      (text: Uint8Array) => sign(null, text, other),
      () => sign(null, Buffer.from('another text'), privateKey),
      () => new Uint8Array(64),
      () => new Uint8Array(),
    ]) {
      const signer = externalSigner({ name: 'kms.example', publicKey: spki, sign: wrong })
      await expect(signNote('text\n', [signer])).rejects.toMatchObject({ code: 'AUDIT_SIGNING_FAILED' })
    }
  })

  it('refuses a public key that is not an Ed25519 key', () => {
    const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey
    for (const other of [ec.export({ format: 'der', type: 'spki' }), new Uint8Array(32), 'no key', '']) {
      expect(() => externalSigner({ name: 'kms.example', publicKey: other, sign: () => new Uint8Array() })).toThrow(
        invalidKey,
      )
    }
  })
})
