import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { AuditLogError } from '../events/errors.js'
import { decodeBase64, encodeBase64 } from './encoding.js'
import {
  formatVkey,
  hexKeyId,
  isKeyName,
  keyIdOf,
  type NoteKey,
  parseVkey,
  publicKeyBytes,
  SIGNATURE_TYPES,
} from './key.js'
import { verifierOf } from './verifier.js'

/** Signs notes. Implement it, or use {@link externalSigner}, where the key is kept by a KMS or a hardware token. */
export interface Signer {
  /** Name of the key: for a log's key, the origin of its checkpoints. */
  readonly name: string
  /** First four bytes of SHA-256(name ‖ "\n" ‖ signature type ‖ public key). */
  readonly keyId: number
  /** The public key, as text for those who verify. */
  readonly vkey: string
  /**
   * Signs a note's text.
   *
   * @param text - its UTF-8 bytes
   * @returns the bytes for the note, behind the key id: for Ed25519, 64 bytes
   */
  sign(text: Uint8Array): Uint8Array | Promise<Uint8Array>
}

/** An Ed25519 key in this process. What it holds does not show when it is printed or serialised. */
export class Ed25519Signer implements Signer {
  readonly name: string
  readonly keyId: number
  readonly vkey: string
  readonly #privateKey: KeyObject

  private constructor(name: string, privateKey: KeyObject) {
    const key = keyOfNote(name, createPublicKey(privateKey))
    this.name = name
    this.keyId = keyIdOf(key)
    this.vkey = formatVkey(key)
    this.#privateKey = privateKey
  }

  /**
   * A new key.
   *
   * @throws TypeError when a key cannot have this name
   */
  static generate(name: string): Ed25519Signer {
    return new Ed25519Signer(name, generateKeyPairSync('ed25519').privateKey)
  }

  /**
   * A key in PKCS#8 PEM, as `openssl genpkey -algorithm ed25519` makes it. PEM has no place for the key's name.
   *
   * Attacker-controlled: the file of a key, where others can write to its directory; anything but an Ed25519 key is refused.
   *
   * @throws AuditLogError `AUDIT_KEY_INVALID` when it is not the PEM of an unencrypted Ed25519 private key
   * @throws TypeError when a key cannot have this name
   */
  static fromPem(name: string, pem: string | Uint8Array): Ed25519Signer {
    return new Ed25519Signer(
      name,
      privateKeyFrom(() => createPrivateKey({ key: Buffer.from(pem), format: 'pem' })),
    )
  }

  /**
   * A key in the form of Go's `sumdb/note`: `PRIVATE+KEY+name+key id+base64(0x01 ‖ seed)`.
   *
   * Attacker-controlled: the file of a key, likewise; the seed has 32 bytes, and the key id must be that of the key.
   *
   * @throws AuditLogError `AUDIT_KEY_INVALID`
   */
  static fromSkey(skey: string): Ed25519Signer {
    const [, name = '', id, base64 = ''] = SKEY.exec(skey) ?? []
    const material = decodeBase64(base64)
    const isEd25519 = material?.length === 1 + SEED_BYTES && material[0] === SIGNATURE_TYPES.ed25519
    if (!isKeyName(name) || !isEd25519) {
      throw new AuditLogError('AUDIT_KEY_INVALID', 'the skey is malformed: it must be PRIVATE+KEY+name+key id+base64')
    }
    const der = Buffer.concat([PKCS8_PREFIX, material.subarray(1)])
    const signer = new Ed25519Signer(
      name,
      privateKeyFrom(() => createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })),
    )
    if (hexKeyId(signer.keyId) !== id) {
      throw new AuditLogError(
        'AUDIT_KEY_INVALID',
        `the skey of ${name} was mistyped or altered: its key id is not ${id}`,
      )
    }
    return signer
  }

  sign(text: Uint8Array): Uint8Array {
    return sign(null, text, this.#privateKey)
  }

  /** The private key in PKCS#8 PEM. Keep it secret. */
  exportPem(): string {
    return this.#privateKey.export({ format: 'pem', type: 'pkcs8' }) as string
  }

  /** The private key in the form of {@link Ed25519Signer.fromSkey}. Keep it secret. */
  exportSkey(): string {
    const seed = this.#privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(PKCS8_PREFIX.length)
    const material = Buffer.concat([Uint8Array.of(SIGNATURE_TYPES.ed25519), seed])
    return `PRIVATE+KEY+${this.name}+${hexKeyId(this.keyId)}+${encodeBase64(material)}`
  }
}

/** A key that another system holds and signs with. */
export interface ExternalKey {
  readonly name: string
  /** The Ed25519 public key: SPKI in PEM or DER, as a KMS gives it. */
  readonly publicKey: string | Uint8Array
  /** Makes a plain Ed25519 signature (RFC 8032, not Ed25519ph) of 64 bytes over exactly these bytes. */
  readonly sign: (text: Uint8Array) => Uint8Array | Promise<Uint8Array>
}

/**
 * Returns a signer for an Ed25519 key in a KMS or a hardware token. Every signature it gets is verified before it is
 * used, so that no checkpoint goes out that others would refuse.
 *
 * @throws AuditLogError `AUDIT_KEY_INVALID` when the public key is not an Ed25519 key
 * @throws TypeError when a key cannot have this name
 */
export function externalSigner({ name, publicKey, sign }: ExternalKey): Signer {
  const key = keyOfNote(name, publicKeyFrom(publicKey))
  const verifier = verifierOf(key)
  return {
    name,
    keyId: verifier.keyId,
    vkey: formatVkey(key),
    async sign(text) {
      const signature = await sign(text)
      if (verifier.verify(text, signature)) return signature
      throw new AuditLogError('AUDIT_SIGNATURE_INVALID', `the signature made for ${name} does not fit its public key`)
    },
  }
}

/**
 * Returns a signer of the same key under another name. A key signs for one log alone under each of its names: the vkey
 * and the key id follow from the name as well.
 *
 * @returns `undefined` for a key of a kind that only its signer knows
 * @throws TypeError when a key cannot have this name
 */
export function renamedSigner(signer: Signer, name: string): Signer | undefined {
  if (!isKeyName(name)) throw new TypeError(`'${name}' cannot name a key: it must have no spaces and plus signs`)
  const key = ed25519KeyOf(signer.vkey)
  if (!key) return undefined
  const renamed = { ...key, name }
  return {
    name,
    keyId: keyIdOf(renamed),
    vkey: formatVkey(renamed),
    sign: (text) => signer.sign(text),
  }
}

function ed25519KeyOf(vkey: string): NoteKey | undefined {
  try {
    const key = parseVkey(vkey)
    return key.type === SIGNATURE_TYPES.ed25519 ? key : undefined
  } catch {
    return undefined
  }
}

const SKEY = /^PRIVATE\+KEY\+([^+]+)\+([0-9a-f]{8})\+(.+)$/
const SEED_BYTES = 32
/** The bytes before the seed in the PKCS#8 DER of an Ed25519 key (RFC 8410 section 7). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')

function keyOfNote(name: string, publicKey: KeyObject): NoteKey {
  if (!isKeyName(name)) throw new TypeError(`'${name}' cannot name a key: it must have no spaces and plus signs`)
  return { name, type: SIGNATURE_TYPES.ed25519, publicKey: publicKeyBytes(publicKey) }
}

function privateKeyFrom(read: () => KeyObject): KeyObject {
  return ed25519Key(read, 'the signing key must be an unencrypted Ed25519 private key in PKCS#8 PEM')
}

function publicKeyFrom(key: string | Uint8Array): KeyObject {
  const input = Buffer.from(key)
  return ed25519Key(
    () =>
      createPublicKey(typeof key === 'string' ? { key, format: 'pem' } : { key: input, format: 'der', type: 'spki' }),
    'the public key must be an Ed25519 key as SPKI, in PEM or DER',
  )
}

function ed25519Key(read: () => KeyObject, expected: string): KeyObject {
  let key: KeyObject
  try {
    key = read()
  } catch (error) {
    throw new AuditLogError('AUDIT_KEY_INVALID', expected, { cause: error })
  }
  if (key.asymmetricKeyType === 'ed25519') return key
  throw new AuditLogError('AUDIT_KEY_INVALID', `${expected}, not ${key.asymmetricKeyType}`)
}
