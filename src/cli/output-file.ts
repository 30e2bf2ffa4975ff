import { link, open, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { syncFile } from '../files/sync-file.js'
import { CommandFailed } from './command.js'
import { EXIT } from './exit-codes.js'

/** Permissions of a file that is written: its owner's alone, as the log is. */
const MODE = 0o600

/**
 * Writes a file that is there whole or not at all: under another name beside it, then, synced, under its own.
 *
 * @param isReplacing - whether a file of that name may give way
 */
export async function writeFileAtOnce(
  path: string,
  isReplacing: boolean,
  write: (put: (chunk: Uint8Array) => Promise<void>) => Promise<void>,
): Promise<void> {
  const target = resolve(path)
  const found = await stat(target).catch(() => undefined)
  if (found && !found.isFile()) throw cannotCreate(`${path} is no file; leave out --output, and redirect`)
  if (found && !isReplacing) throw alreadyThere(path)
  const temporary = join(dirname(target), `.${basename(target)}.${process.pid}.tmp`)
  const file = await open(temporary, 'wx', MODE).catch((cause: Error) => {
    throw cannotCreate(`cannot write ${path}: ${cause.message}`)
  })
  try {
    try {
      await write(async (chunk) => {
        await file.writeFile(chunk)
      })
      await syncFile(file)
    } finally {
      await file.close()
    }
    if (isReplacing) await rename(temporary, target)
    else await giveName(temporary, target, path)
  } finally {
    await rm(temporary, { force: true })
  }
}

/** A link is refused where the name is taken meanwhile; a rename would replace. */
async function giveName(temporary: string, target: string, path: string): Promise<void> {
  try {
    await link(temporary, target)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw alreadyThere(path)
    // Not every file system has links.
    await rename(temporary, target)
  }
}

function alreadyThere(path: string): CommandFailed {
  return cannotCreate(`${path} is there already; --force replaces it`)
}

function cannotCreate(message: string): CommandFailed {
  return new CommandFailed(message, { exitCode: EXIT.cannotCreate })
}
