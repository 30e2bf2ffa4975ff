import { join, resolve } from 'node:path'
import { CheckpointFile } from '../log/checkpoints/checkpoint-file.js'
import { exportTiles } from '../reader/export-tiles.js'
import { type SignedHead, signedHead } from '../reader/prove.js'
import { CommandFailed } from './command.js'
import { throwIfInterrupted } from './interrupted.js'
import type { Arguments } from './options.js'
import type { Io } from './output.js'
import { Progress } from './progress.js'
import { type OpenedStore, withStore } from './store.js'

/** `spanledger export --tiles DIR`: what the newest checkpoint covers, as C2SP tlog-tiles. */
export async function writeTilesTo(directory: string, args: Arguments, io: Io): Promise<void> {
  await withStore(args, io, async (opened) => {
    const head = await newestHead(opened)
    const progress = new Progress(io)
    try {
      await exportTiles(opened.store, head, resolve(directory), (written) => {
        throwIfInterrupted(io)
        progress.show(() => `${written} of ${head.size} entries`)
      })
    } finally {
      progress.clear()
    }
    if (io.err.isTTY) io.err.write(`${head.size} entries\n`)
  })
}

async function newestHead({ store, directory }: OpenedStore): Promise<SignedHead> {
  // First: one that is written meanwhile may cover more than the store that is read.
  const file = directory === undefined ? undefined : await new CheckpointFile(join(directory, 'checkpoint')).read()
  await store.refresh()
  const heads = [file, store.checkpoint].map((note) => signedHead(note, store.size))
  const [head] = heads.filter((each) => each !== undefined).sort((one, other) => other.size - one.size)
  if (!head)
    throw new CommandFailed(
      `the log ${store.location} has no signed checkpoint yet; its writer signs one soon after a commit, if it has a key`,
    )
  return head
}
