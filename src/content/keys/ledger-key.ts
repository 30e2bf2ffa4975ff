import { createHmac, hkdfSync } from 'node:crypto'
import { join } from 'node:path'
import { isUint8Array } from 'node:util/types'
import { AuditLogError } from '../../events/errors.js'
import type { Subject } from '../contract.js'
import { subjectText } from '../subject.js'
import { SECRET_BYTES } from '../subject-key.js'
import { readKeyFile } from './key-files.js'
import type { ContentKeyProvider } from './provider.js'
import { unwrapKey, wrapKey } from './wrapping.js'

/*
 * `ledger` holds the key of the ledger, wrapped by a provider:
 *
 *   spanledger content keys 1
 *   provider key-file
 *   key <base64>
 */

const NAME = 'ledger'
const MAX_BYTES = 64 * 1024
const MAX_WRAPPED_BYTES = 16 * 1024
const FORM = /^spanledger content keys (\d+)\nprovider ([^\n]{1,256})\nkey ([\w+/]+={0,2})\n$/
const VERSION = '1'

/** The key of a ledger as its file has it. */
export interface WrappedLedgerKey {
  readonly providerId: string
  readonly wrapped: Uint8Array
}

/** The key of a ledger: the keys of its subjects are wrapped by it, and found by it. */
export class LedgerKey {
  readonly #wrapping: Uint8Array
  readonly #lookup: Uint8Array

  /** @param secret - {@link SECRET_BYTES} */
  constructor(secret: Uint8Array) {
    this.#wrapping = derived(secret, 'wrapping')
    this.#lookup = derived(secret, 'lookup')
  }

  /** Returns the name under which the key of a subject lies: nobody without this key can tell whose it is. */
  nameOf(subject: Subject): string {
    return createHmac('sha256', this.#lookup).update(subjectText(subject)).digest('hex').slice(0, 40)
  }

  wrap(secret: Uint8Array, id: string): Uint8Array {
    return wrapKey(this.#wrapping, secret, id)
  }

  unwrap(wrapped: Uint8Array, id: string): Uint8Array | undefined {
    return unwrapKey(this.#wrapping, wrapped, id)
  }
}

/** Reads the wrapped key of a ledger; `undefined` where there is none. @throws AuditLogError `AUDIT_KEY_INVALID`, `AUDIT_FILE_REFUSED` */
export function readLedgerKey(directory: string): WrappedLedgerKey | undefined {
  const path = join(directory, NAME)
  const found = readKeyFile(path, MAX_BYTES, parseLedgerKey)
  if (found !== 'malformed' && found !== 'cut_short') return found
  throw new AuditLogError(
    'AUDIT_KEY_INVALID',
    `${path} is no file of a ledger's key, or one of a newer version. Restore it from where keys are kept`,
  )
}

function parseLedgerKey(text: string): WrappedLedgerKey | undefined {
  // Attacker-controlled: a key file, at most MAX_BYTES; one anchored pattern.
  const [, version, providerId, key] = FORM.exec(text) ?? []
  if (version !== VERSION || providerId === undefined || key === undefined) return undefined
  return { providerId, wrapped: Buffer.from(key, 'base64') }
}

/** Returns a wrapped key as its file has it. */
export function ledgerKeyText({ providerId, wrapped }: WrappedLedgerKey): string {
  return `spanledger content keys ${VERSION}\nprovider ${providerId}\nkey ${Buffer.from(wrapped).toString('base64')}\n`
}

/** Path of the file. */
export function ledgerKeyPath(directory: string): string {
  return join(directory, NAME)
}

/** Calls with a value, at once where it is there. */
export function whenThere<T, R>(value: T | PromiseLike<T>, use: (value: T) => R | Promise<R>): R | Promise<R> {
  return isPromiseLike(value) ? Promise.resolve(value).then(use) : use(value)
}

/** Unwraps the key of a ledger. @throws AuditLogError `AUDIT_KEY_INVALID`; what the provider throws */
export function unwrapLedgerKey(
  directory: string,
  { providerId, wrapped }: WrappedLedgerKey,
  provider: ContentKeyProvider,
): LedgerKey | Promise<LedgerKey> {
  if (providerId !== provider.id) {
    throw new AuditLogError(
      'AUDIT_KEY_INVALID',
      `The key in ${ledgerKeyPath(directory)} was wrapped by the provider '${providerId}', and '${provider.id}' was given. Give that one, or rotate from it`,
    )
  }
  return whenThere(provider.unwrap(wrapped), (secret) => {
    if (isUint8Array(secret) && secret.length === SECRET_BYTES) return new LedgerKey(secret)
    throw new AuditLogError(
      'AUDIT_KEY_INVALID',
      `The provider '${provider.id}' returned something else than the ${SECRET_BYTES} bytes that it had wrapped`,
    )
  })
}

/**
 * Has a provider wrap a key, and makes sure that it unwraps it again: otherwise all content would be lost.
 *
 * @throws AuditLogError `AUDIT_KEY_INVALID`; what the provider throws
 */
export function wrapLedgerKey(
  provider: ContentKeyProvider,
  secret: Uint8Array,
): WrappedLedgerKey | Promise<WrappedLedgerKey> {
  // A copy, and one of what comes back: a provider may clear what it has had.
  return whenThere(provider.wrap(Uint8Array.from(secret)), (bytes) => {
    if (!isUint8Array(bytes) || bytes.length === 0 || bytes.length > MAX_WRAPPED_BYTES) {
      throw new AuditLogError(
        'AUDIT_KEY_INVALID',
        `The provider '${provider.id}' did not return a wrapped key of at most ${MAX_WRAPPED_BYTES} bytes`,
      )
    }
    const wrapped = Uint8Array.from(bytes)
    return whenThere(provider.unwrap(Uint8Array.from(wrapped)), (returned) => {
      if (isUint8Array(returned) && Buffer.compare(returned, secret) === 0) return { providerId: provider.id, wrapped }
      throw new AuditLogError(
        'AUDIT_KEY_INVALID',
        `The provider '${provider.id}' does not return what it has wrapped: nothing was changed`,
      )
    })
  })
}

function isPromiseLike<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

function derived(secret: Uint8Array, use: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, new Uint8Array(), `spanledger ledger ${use} 1`, SECRET_BYTES))
}
