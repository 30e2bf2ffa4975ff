import { randomBytes } from 'node:crypto'
import { chmodSync, lstatSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { AuditLogError } from '../../events/errors.js'
import { readNamedFileSync, readRegularFileSync, refused } from '../../files/regular-file.js'
import { sha256 } from '../../tree/index.js'
import { createLastingKeyFile } from './key-files.js'
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
  wrap(key: Uint8Array): Uint8Array | PromiseLike<Uint8Array>
  /** @throws when it was not wrapped by this key, or cannot be unwrapped now */
  unwrap(wrapped: Uint8Array): Uint8Array | PromiseLike<Uint8Array>
}

const KEY_BYTES = 32
const MAX_FILE_BYTES = 4096
const WRAPPED_NAME = 'spanledger ledger key'

/** A provider that may make its key where there is none yet. */
export interface CreatingProvider extends ContentKeyProvider {
  /** Makes the key, unless it is there. Loss of power keeps it. @throws what the file system throws */
  create(): void
  /** Returns the problem that others than its owner can read the key. In a ledger, they cannot any more then. */
  review(): Error | undefined
}

/** @throws TypeError for what is no provider */
export function requireProvider(of: string, provider: unknown): asserts provider is ContentKeyProvider {
  const { id, wrap, unwrap } = (provider ?? {}) as Partial<Record<string, unknown>>
  if (typeof id !== 'string' || !/^[^\n]{1,256}$/.test(id) || !id.isWellFormed()) {
    throw new TypeError(`${of}: the id of a provider must be a text of 1 to 256 characters without a line break`)
  }
  if (typeof wrap !== 'function' || typeof unwrap !== 'function') {
    throw new TypeError(`${of}: a provider must have the functions wrap and unwrap`)
  }
}

/** Tells whether a provider makes its key where there is none. */
export function isCreating(provider: ContentKeyProvider): provider is CreatingProvider {
  return 'create' in provider && typeof provider.create === 'function' && 'review' in provider
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

/**
 * {@link contentKeyFile}, whose key can be made.
 *
 * @param isOwn - it lies in a ledger, where no link is followed, and nobody else has a file. A path that somebody names may lead through
 * links, as those of mounted secrets do
 */
export function keyFileProvider(path: string, isOwn = false): CreatingProvider {
  if (typeof path !== 'string' || path === '') throw new TypeError('contentKeyFile: path must be the path of a file')
  const file = resolve(path)
  const key = () => readKey(file, isOwn)
  return {
    id: 'key-file',
    create: () => {
      if (lstatSync(file, { throwIfNoEntry: false })) return
      createLastingKeyFile(file, `${randomBytes(KEY_BYTES).toString('base64')}\n`)
    },
    review: () => reviewMode(file, isOwn),
    wrap: (ledgerKey) => wrapKey(key(), ledgerKey, WRAPPED_NAME),
    unwrap: (wrapped) => {
      const secret = key()
      const unwrapped = unwrapKey(secret, wrapped, WRAPPED_NAME)
      if (unwrapped) return unwrapped
      const which = Buffer.from(sha256(secret), 'latin1').toString('hex', 0, 4)
      throw new AuditLogError(
        'AUDIT_KEY_INVALID',
        `${file} has another key (${which}…) than the one that wrapped the key of the ledger. Give the file that was used before, or rotate from that one to this one: rotateContentKey`,
      )
    },
  }
}

/** @throws AuditLogError `AUDIT_KEY_INVALID`, `AUDIT_FILE_REFUSED`; the key itself is in no message */
function readKey(file: string, isOwn: boolean): Uint8Array {
  // Attacker-controlled: a key file, at most MAX_FILE_BYTES; it has to be 32 bytes in base64.
  let text: string
  try {
    if (isOwn) refuseOfOthers(file)
    const read = isOwn ? readRegularFileSync : readNamedFileSync
    text = read(file, MAX_FILE_BYTES).toString('latin1').trim()
  } catch (cause) {
    if (!['ENOENT', 'ENOTDIR'].includes((cause as NodeJS.ErrnoException).code ?? '')) throw cause
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

/** A key that a stranger has put there is one that he knows. @throws AuditLogError `AUDIT_FILE_REFUSED` */
function refuseOfOthers(file: string): void {
  const [user, owner] = [process.getuid?.() ?? 0, lstatSync(file).uid]
  // The administrator reads what belongs to an application, and may have restored it.
  if (user !== 0 && owner !== 0 && owner !== user) throw refused(file, `belongs to another user (${owner})`)
}

function reviewMode(file: string, isOwn: boolean): Error | undefined {
  if (process.platform === 'win32') return undefined
  const others = isOwn ? 0o077 : 0o007
  if ((statSync(file).mode & others) === 0) return undefined
  try {
    if (isOwn) chmodSync(file, 0o600)
  } catch {
    // Of another user.
  }
  return new AuditLogError(
    'AUDIT_KEY_INVALID',
    `Others than its owner can read ${file}, by which the content of this ledger is read. Make it readable for its owner alone`,
  )
}
