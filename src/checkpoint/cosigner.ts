import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { AuditLogError } from '../events/errors.js'
import { cosignedMessage } from './cosignature.js'
import { encodeText } from './encoding.js'
import { formatVkey, isKeyName, keyIdOf, publicKeyBytes, SIGNATURE_TYPES } from './key.js'
import type { NoteSignature } from './note.js'

const TIMESTAMP_BYTES = 8

/** A key that cosigns checkpoints, as a witness does (C2SP tlog-cosignature, Ed25519). */
export class Cosigner {
  readonly name: string
  readonly keyId: number
  /** The public key, as text for those who verify: with signature type 0x04. */
  readonly vkey: string
  readonly #privateKey: KeyObject

  private constructor(name: string, privateKey: KeyObject) {
    if (!isKeyName(name)) throw new TypeError(`'${name}' cannot name a key: it must have no spaces and plus signs`)
    const key = { name, type: SIGNATURE_TYPES.cosignature, publicKey: publicKeyBytes(createPublicKey(privateKey)) }
    this.name = name
    this.keyId = keyIdOf(key)
    this.vkey = formatVkey(key)
    this.#privateKey = privateKey
  }

  /** A new key. @throws TypeError when a key cannot have this name */
  static generate(name: string): Cosigner {
    return new Cosigner(name, generateKeyPairSync('ed25519').privateKey)
  }

  /**
   * A key in PKCS#8 PEM.
   *
   * Attacker-controlled: the file of a key, where others can write to its directory; anything but an Ed25519 key is refused.
   *
   * @throws AuditLogError `AUDIT_KEY_INVALID` when it is not the PEM of an unencrypted Ed25519 private key
   * @throws TypeError when a key cannot have this name
   */
  static fromPem(name: string, pem: string | Uint8Array): Cosigner {
    let key: KeyObject | undefined
    try {
      key = createPrivateKey({ key: Buffer.from(pem), format: 'pem' })
    } catch {}
    if (key?.asymmetricKeyType === 'ed25519') return new Cosigner(name, key)
    throw new AuditLogError(
      'AUDIT_KEY_INVALID',
      'the key of a witness must be an unencrypted Ed25519 key in PKCS#8 PEM',
    )
  }

  /**
   * @param text - of the checkpoint
   * @param timestampSeconds - when: seconds since 1970
   */
  cosign(text: string, timestampSeconds: bigint): NoteSignature {
    const time = Buffer.alloc(TIMESTAMP_BYTES)
    time.writeBigUInt64BE(timestampSeconds)
    const signature = sign(null, cosignedMessage(timestampSeconds, encodeText(text)), this.#privateKey)
    return { name: this.name, keyId: this.keyId, signature: Buffer.concat([time, signature]) }
  }

  /** The private key in PKCS#8 PEM. Keep it secret. */
  exportPem(): string {
    return this.#privateKey.export({ format: 'pem', type: 'pkcs8' }) as string
  }
}
