import { generateKeyPairSync, sign } from 'node:crypto'
import { formatVkey, keyIdOf, publicKeyBytes, SIGNATURE_TYPES } from '../../src/checkpoint/key.js'
import { formatNote, parseNote } from '../../src/checkpoint/note.js'

/** A witness that cosigns whatever it is given (C2SP tlog-cosignature, Ed25519). */
export function createWitness(name: string) {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const key = { name, type: SIGNATURE_TYPES.cosignature, publicKey: publicKeyBytes(publicKey) }
  return {
    name,
    vkey: formatVkey(key),
    /** The same key, as if it signed plain notes. */
    plainVkey: formatVkey({ ...key, type: SIGNATURE_TYPES.ed25519 }),
    /** The note with this witness's cosignature behind its signatures. */
    cosign(note: string, timestampSeconds: bigint): string {
      const { text, signatures } = parseNote(note)
      const time = Buffer.alloc(8)
      time.writeBigUInt64BE(timestampSeconds)
      const message = Buffer.from(`cosignature/v1\ntime ${timestampSeconds}\n${text}`)
      const signature = Buffer.concat([time, sign(null, message, privateKey)])
      return formatNote({ text, signatures: [...signatures, { name, keyId: keyIdOf(key), signature }] })
    },
  }
}
