import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { exportTiles } from '../reader/export-tiles.js'
import { signedHead } from '../reader/prove.js'
import { SnapshotStore } from '../store/leveldb/snapshot-store.js'
import { CommandFailed, logDirectory } from './command.js'
import { throwIfInterrupted } from './interrupted.js'
import type { Arguments } from './options.js'
import type { Io } from './output.js'
import { Progress } from './progress.js'

/** `spanledger export --tiles DIR`: what the newest checkpoint covers, as C2SP tlog-tiles. */
export async function writeTilesTo(directory: string, args: Arguments, io: Io): Promise<void> {
  const store = await SnapshotStore.open(logDirectory(args, io))
  const progress = new Progress(io)
  try {
    const file = await readFile(join(store.location, 'checkpoint'), 'utf8').catch(() => undefined)
    const heads = [file, store.checkpoint].map((note) => signedHead(note, store.size))
    const [head] = heads.filter((each) => each !== undefined).sort((one, other) => other.size - one.size)
    if (!head) throw new CommandFailed(`the log ${store.location} has no signed checkpoint`)
    await exportTiles(store, head, resolve(directory), (written) => {
      throwIfInterrupted(io)
      progress.show(() => `${written} of ${head.size} entries`)
    })
    progress.clear()
    if (io.err.isTTY) io.err.write(`${head.size} entries\n`)
  } finally {
    progress.clear()
    await store.close()
  }
}
