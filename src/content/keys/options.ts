import { join, resolve } from 'node:path'
import { rejectUnknownOptions } from '../../events/options.js'
import { FileContentKeys, type FileKeysOptions } from './file-keys.js'
import { type ContentKeyProvider, keyFileProvider } from './provider.js'

/** The environment variable that holds the path of the key file where no option does. */
const KEY_FILE_VARIABLE = 'SPANLEDGER_CONTENT_KEY_FILE'

/** The keys by which content is digested and encrypted. */
export interface ContentKeysOptions {
  /**
   * Directory of the keys.
   *
   * @defaultValue `keys/content` of the ledger; none for a log in a store of your own, which records no content then
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
}

/** Returns the keys that options name; `undefined` where no directory is known. @throws TypeError naming a malformed option */
export function fileKeysOf(
  options: ContentKeysOptions,
  { of, location, use, report }: KeysPlace,
): FileContentKeys | undefined {
  rejectUnknownOptions(`${of}: contentKeys`, options, KNOWN)
  const { provider, keyFile = process.env[KEY_FILE_VARIABLE] } = options
  const directory = options.directory ?? (location === undefined ? undefined : keysDirectory(location))
  if (directory === undefined) return undefined
  return new FileContentKeys({
    directory: resolve(directory),
    provider: provider ?? keyFileProvider(keyFile || join(directory, 'provider.key')),
    use,
    report,
  })
}

/** Directory of the keys of content in a ledger. */
function keysDirectory(location: string): string {
  return join(location, 'keys', 'content')
}
