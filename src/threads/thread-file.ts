import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/**
 * Returns the file that a thread begins with; `undefined` where it is not there, so that the calling thread has to do the
 * work: where the code was bundled, and the other file was not.
 *
 * The name is given as a value, apart from the base: bundlers that see `new URL('…', import.meta.url)` copy the file
 * without what it imports.
 *
 * @param name - relative to `base`. It tells whose file it is, since a bundle may stand beside files of others
 * @param base - `import.meta.url`, which some bundlers leave undefined
 */
export function threadFile(name: string, base: string | undefined): URL | undefined {
  if (!base?.startsWith('file:')) return undefined
  const file = new URL(name, base)
  return existsSync(fileURLToPath(file)) ? file : undefined
}
