import { randomBytes } from 'node:crypto'
import { dirname, resolve } from 'node:path'
import { AuditLogError } from '../../events/errors.js'
import { readRegularFileSync } from '../../files/regular-file.js'
import { sha256 } from '../../tree/index.js'
import { createKeyFile } from './key-files.js'
import { unwrapKey, wrapKey } from './wrapping.js'

/**
 * Wraps and unwraps the key of a ledger, under which the keys of its subjects lie: a key management service, or a key file. It is
 * asked once when a log is opened, and once when the ledger gets its key.
 *
 * @example
 * With the key management service of AWS:
 * ```ts
 * const provider: ContentKeyProvider = {
 *   id: 'aws-kms',
 *   wrap: async (key) => (await kms.encrypt({ KeyId, Plaintext: key })).CiphertextBlob!,
 *   unwrap: async (wrapped) => (await kms.decrypt({ KeyId, CiphertextBlob: wrapped })).Plaintext!,
 * }
 * ```
 */
export interface ContentKeyProvider {
  /** Names the key, in messages and beside what it has wrapped. 1 to 256 characters, no line break. */
  readonly id: string
  /** @param key - 32 bytes. @returns at most 16 KiB, from which {@link unwrap} returns the key */
  wrap(key: Uint8Array): Uint8Array | Promise<Uint8Array>
  /** @throws when it was not wrapped by this key, or cannot be unwrapped now */
  unwrap(wrapped: Uint8Array): Uint8Array | Promise<Uint8Array>
}

const KEY_BYTES = 32
const MAX_FILE_BYTES = 4096
const WRAPPED_NAME = 'spanledger ledger key'

/** A provider that may make its key where there is none yet. */
export interface CreatingProvider extends ContentKeyProvider {
  /** Path of the key. */
  readonly file: string
  /** Makes the key, unless it is there. @throws what the file system throws */
  create(): void
}

/**
 * Returns a provider whose key lies in a file: 32 random bytes in base64, for its owner alone. It is made with the key of the
 * ledger, where it is missing.
 *
 * @param path - a relative one is resolved at once
 * @throws TypeError
 */
export function contentKeyFile(path: string): ContentKeyProvider {
  return keyFileProvider(path)
}

/** {@link contentKeyFile}, whose key can be made. */
export function keyFileProvider(path: string): CreatingProvider {
  if (typeof path !== 'string' || path === '') throw new TypeError('contentKeyFile: path must be the path of a file')
  const file = resolve(path)
  const key = () => readKey(file)
  return {
    id: 'key-file',
    file,
    create: () => {
      createKeyFile(file, `${randomBytes(KEY_BYTES).toString('base64')}\n`)
    },
    wrap: (ledgerKey) => wrapKey(key(), ledgerKey, WRAPPED_NAME),
    unwrap: (wrapped) => {
      const secret = key()
      const unwrapped = unwrapKey(secret, wrapped, WRAPPED_NAME)
      if (unwrapped) return unwrapped
      const which = Buffer.from(sha256(secret), 'latin1').toString('hex', 0, 4)
      throw new AuditLogError(
        'AUDIT_KEY_INVALID',
        `${file} has another key (${which}…) than the one that wrapped the key of the ledger in ${dirname(file)}. Give the file that was used before, or rotate from that one to this one: rotateContentKey`,
      )
    },
  }
}

/** @throws AuditLogError `AUDIT_KEY_INVALID`, `AUDIT_FILE_REFUSED`; the key itself is in no message */
function readKey(file: string): Uint8Array {
  // Attacker-controlled: a key file, at most MAX_FILE_BYTES; it has to be 32 bytes in base64.
  let text: string
  try {
    text = readRegularFileSync(file, MAX_FILE_BYTES).toString('latin1').trim()
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause
    const message = `${file}, the key file by which the content of this ledger is read, is missing. Bring it back: without it, content can be neither read nor recorded`
    throw new AuditLogError('AUDIT_KEY_INVALID', message, { cause })
  }
  const key = /^[\w+/-]+={0,2}$/.test(text) ? Buffer.from(text, 'base64') : Buffer.alloc(0)
  if (key.length === KEY_BYTES) return key
  throw new AuditLogError(
    'AUDIT_KEY_INVALID',
    `${file} must hold ${KEY_BYTES} random bytes in base64: openssl rand -base64 32`,
  )
}
