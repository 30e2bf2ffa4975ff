import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { Cosigner } from './cosigner.js'
import { formatNote, openNote } from './note.js'

const TEXT = 'example.org/log\n3\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n'

describe('Cosigner', () => {
  it('makes what its vkey opens, and no other, with its time', () => {
    const cosigner = Cosigner.generate('witness.example/w')
    const signature = cosigner.cosign(TEXT, 1_679_315_147n)
    const opened = openNote(formatNote({ text: TEXT, signatures: [signature] }), [cosigner.vkey])
    expect(opened.signatures).toHaveLength(1)
    expect(Buffer.from(signature.signature).readBigUInt64BE(0)).toBe(1_679_315_147n)
    const moved = Buffer.from(signature.signature)
    moved.writeBigUInt64BE(1_679_315_148n)
    const late = formatNote({ text: TEXT, signatures: [{ ...signature, signature: moved }] })
    expect(() => openNote(late, [cosigner.vkey])).toThrow(/does not fit/)
    const other = Cosigner.generate('witness.example/w')
    expect(() => openNote(formatNote({ text: TEXT, signatures: [signature] }), [other.vkey])).toThrow(/no known key/)
  })

  it('is the same key after it was written as PEM and read again', () => {
    const cosigner = Cosigner.generate('witness.example/w')
    expect(Cosigner.fromPem('witness.example/w', cosigner.exportPem()).vkey).toBe(cosigner.vkey)
    expect(cosigner.vkey).toMatch(/\+B[A-P]/)
  })

  it('refuses what is no key, and a name that no key can have', () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'pem', type: 'pkcs8' })
    for (const pem of ['', 'x', String(rsa)]) {
      expect(() => Cosigner.fromPem('w', pem)).toThrow(expect.objectContaining({ code: 'AUDIT_KEY_INVALID' }))
    }
    expect(() => Cosigner.generate('a b')).toThrow(TypeError)
  })
})
