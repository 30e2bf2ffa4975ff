import { join, resolve } from 'node:path'
import { rejectUnknownOptions } from '../../events/options.js'
import { FileContentKeys, type FileKeysOptions } from './file-keys.js'
import { type ContentKeyProvider, keyFileProvider, requireProvider } from './provider.js'

/** The environment variable that holds the path of the key file where no option does. */
const KEY_FILE_VARIABLE = 'SPANLEDGER_CONTENT_KEY_FILE'
/** The environment variable that holds the directory of the keys of logs in stores, where no option does. */
const DIRECTORY_VARIABLE = 'SPANLEDGER_CONTENT_KEYS'

/** The keys by which content is digested and encrypted. */
export interface ContentKeysOptions {
  /**
   * Directory of the keys. The processes that write or read a log in a database share it, also on several hosts: on a volume that each
   * mounts.
   *
   * @defaultValue `keys/content` of the ledger. For a log in a store, the environment variable `SPANLEDGER_CONTENT_KEYS`; without it no
   * content is recorded
   */
  readonly directory?: string | undefined
  /**
   * File of the key that wraps the key of the ledger: 32 random bytes in base64. Made where it is missing, as long as the ledger has no key.
   *
   * @defaultValue the environment variable `SPANLEDGER_CONTENT_KEY_FILE`; else `provider.key` in the directory
   */
  readonly keyFile?: string | undefined
  /** A key management service in place of a file. */
  readonly provider?: ContentKeyProvider | undefined
}

const KNOWN = ['directory', 'keyFile', 'provider']

interface KeysPlace extends Pick<FileKeysOptions, 'use' | 'report'> {
  /** Name of the function that has the options, for messages. */
  readonly of: string
  /** Directory of the ledger; `undefined` for a log in a store. */
  readonly location: string | undefined
  /** A log in a store that keeps content and no keys: the environment may name their directory. @defaultValue false */
  readonly isInStore?: boolean
}

/** Returns the keys that options name; `undefined` where no directory is known. @throws TypeError naming a malformed option */
export function fileKeysOf(
  options: ContentKeysOptions,
  { of, location, isInStore, use, report }: KeysPlace,
): FileContentKeys | undefined {
  rejectUnknownOptions(`${of}: contentKeys`, options, KNOWN)
  const { provider, keyFile } = options
  for (const name of ['directory', 'keyFile'] as const) requirePath(`${of}: contentKeys.${name}`, options[name])
  if (provider !== undefined) requireProvider(`${of}: contentKeys.provider`, provider)
  if (provider !== undefined && keyFile !== undefined) {
    throw new TypeError(`${of}: contentKeys: give keyFile or provider, not both`)
  }
  const inStore = isInStore ? storeKeysDirectory() : undefined
  const directory = options.directory ?? (location === undefined ? inStore : keysDirectory(location))
  if (!directory) return undefined
  return new FileContentKeys({
    directory: resolve(directory),
    provider: provider ?? fileProvider(directory, keyFile),
    use,
    report,
  })
}

/** Returns the provider of a key file: of that which is named, or of the ledger's own. */
export function fileProvider(directory: string, keyFile: string | undefined): ContentKeyProvider {
  const named = keyFile ?? process.env[KEY_FILE_VARIABLE]
  return named ? keyFileProvider(named) : keyFileProvider(join(directory, 'provider.key'), true)
}

function requirePath(name: string, path: unknown): void {
  if (path === undefined || (typeof path === 'string' && path !== '')) return
  throw new TypeError(`${name} must be a path`)
}

/** Returns the directory of the keys of logs in stores, where the environment names one. */
export function storeKeysDirectory(): string | undefined {
  return process.env[DIRECTORY_VARIABLE] || undefined
}

/** Returns the directory of the keys of content in a ledger. */
export function keysDirectory(location: string): string {
  return join(location, 'keys', 'content')
}
