import { Cosigner } from '../../src/checkpoint/cosigner.js'
import { formatVkey, parseVkey } from '../../src/checkpoint/key.js'
import { Ed25519Signer, externalSigner } from '../../src/checkpoint/signer.js'
import { verifierFromVkey } from '../../src/checkpoint/verifier.js'
import { claim, coded, parsed, same } from '../support/oracle.js'
import { ORIGIN, PEM, signer, witness } from '../support/signed-log.js'

/*
 * Keys as text and as PEM.
 *
 * Oracles: a key that is accepted is written as the same text; what is none is `AUDIT_KEY_INVALID`, also where Node's
 * crypto says so; a verifier answers for every signature.
 */
const isRefusal = coded('AUDIT_KEY_INVALID')

export function fuzz(bytes: Buffer): void {
  const text = bytes.toString()
  const key = parsed(isRefusal, () => parseVkey(text))
  if (key) {
    same(formatVkey(key), text, 'a vkey is written in another form')
    claim(!verifierFromVkey(text).verify(Buffer.from('text\n'), Buffer.alloc(64, 1)), 'a made-up signature is right')
  }
  const secret = parsed(isRefusal, () => Ed25519Signer.fromSkey(text))
  if (secret) same(secret.exportSkey(), text, 'an skey is written in another form')
  parsed(isRefusal, () => Ed25519Signer.fromPem(ORIGIN, bytes))
  parsed(isRefusal, () => Cosigner.fromPem(ORIGIN, bytes))
  parsed(isRefusal, () => externalSigner({ name: ORIGIN, publicKey: bytes, sign: () => bytes }))
}

export function seeds(): Buffer[] {
  return [signer.vkey, witness.vkey, signer.exportSkey(), PEM].map((text) => Buffer.from(text))
}
