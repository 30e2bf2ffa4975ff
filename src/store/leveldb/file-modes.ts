import { type FSWatcher, lstatSync, watch } from 'node:fs'
import { chmod, lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileMode, NOBODY, readersIn } from '../../files/readers.js'
import { startUnrefInterval } from '../../timers/real-timers.js'

/*
 * LevelDB makes its files by the umask of the process. In a directory that only its owner can enter this does not matter.
 * If others may read the directory, and the umask would keep them out, each new file gets its mode as soon as it is
 * there. LevelDB names a table in its manifest after it has written it, so that a reader seldom comes before; one that does
 * looks again, see `snapshot-files`.
 */

/** Period in which files are looked for where the system does not tell of them. */
const SWEEP_MILLIS = 1_000

/** Keeps the files of an open database as readable as its directory. */
export interface KeptModes {
  close(): void
}

const NOTHING: KeptModes = { close: () => {} }

/**
 * Gives the files of a database the mode that its directory asks for, and keeps it so while LevelDB makes others. The mode
 * and the group of the directory stay as they are. To be called once LevelDB has opened.
 */
export async function keepModes(path: string): Promise<KeptModes> {
  const readers = readersIn(path)
  const mode = fileMode(readers)
  // LevelDB begins this file anew at each opening, so that it tells what the umask makes of others.
  const made = lstatSync(join(path, 'LOG'), { throwIfNoEntry: false })
  await sweep(path, mode)
  const isKept = readers === NOBODY || (made !== undefined && (made.mode & mode) === mode)
  return isKept ? NOTHING : new Watched(path, mode)
}

async function sweep(path: string, mode: number): Promise<void> {
  const names = await readdir(path).catch(() => [])
  await Promise.allSettled(names.map((name) => setMode(join(path, name), mode)))
}

/** Does what the owner and the file system allow. */
async function setMode(path: string, mode: number): Promise<void> {
  const found = await lstat(path)
  if (found.isFile() && (found.mode & 0o777) !== mode) await chmod(path, mode)
}

class Watched implements KeptModes {
  readonly #path: string
  readonly #mode: number
  #watcher: FSWatcher | undefined
  #endSweeping: (() => void) | undefined

  constructor(path: string, mode: number) {
    this.#path = path
    this.#mode = mode
    try {
      this.#watcher = watch(path, { persistent: false }, (event, name) => this.#changed(event, name))
      this.#watcher.on('error', () => this.#sweepRegularly())
    } catch {
      this.#sweepRegularly()
    }
  }

  close(): void {
    this.#watcher?.close()
    this.#endSweeping?.()
  }

  /** A file that was written to is none that came. */
  #changed(event: string, name: string | null): void {
    if (event !== 'rename') return
    if (name === null) void sweep(this.#path, this.#mode)
    // It may have gone since.
    else void setMode(join(this.#path, name), this.#mode).catch(() => undefined)
  }

  #sweepRegularly(): void {
    this.#watcher?.close()
    this.#endSweeping ??= startUnrefInterval(SWEEP_MILLIS, () => void sweep(this.#path, this.#mode))
  }
}
