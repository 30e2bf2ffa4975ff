import { lstat } from 'node:fs/promises'
import { join } from 'node:path'
import { type LogDirectory, logDirectories, logDirectory } from '../ledger/log-directories.js'
import { ENTRIES } from '../store/leveldb/database.js'
import { SnapshotStore } from '../store/leveldb/snapshot-store.js'
import type { SharedStore } from '../store/shared.js'
import { locationOf, SYNCHRONOUS } from './command.js'
import type { Arguments } from './options.js'
import type { Io } from './output.js'
import { storeAt } from './postgres.js'
import { reportStaged } from './report-pending.js'
import { UsageError } from './usage-error.js'

/** A log whose store is asked itself, opened for reading: as it is at one moment. */
export type OpenedStore =
  | { readonly store: SnapshotStore; readonly directory: string }
  | { readonly store: SharedStore; readonly directory: undefined }

/**
 * Returns the directory of the log that a command is about, which must be one.
 *
 * @param number - of the log in its ledger; `undefined` where nobody said which
 */
async function oneLogOf(io: Io, location: string, number: number | undefined): Promise<string> {
  if (number !== undefined) return logDirectory(location, number).path
  const logs = await openableLogs(location)
  if (logs.length === 0) await reportStaged(io, location).catch(() => undefined)
  if (logs.length <= 1) return logs[0]?.path ?? location
  const numbers = logs.map((log) => log.number).join(', ')
  const example = logDirectory(location, logs[1]?.number ?? 1).path
  throw new UsageError(`${location} has the logs ${numbers}, and this is about one: name it, as with --log ${example}`)
}

/** Lists the logs of a ledger that are there. */
export async function openableLogs(location: string): Promise<readonly LogDirectory[]> {
  const directories = await logDirectories(location)
  const found = await Promise.all(directories.map(({ path }) => lstat(join(path, ENTRIES)).catch(() => undefined)))
  return directories.filter((_, at) => found[at] !== undefined)
}

/**
 * Opens the store of the log that a command is about.
 *
 * @param operand - a directory that is named without `--log`
 */
export async function withStore(
  args: Arguments,
  io: Io,
  use: (opened: OpenedStore) => Promise<void>,
  operand?: string,
): Promise<void> {
  const location = locationOf(args, io, operand)
  if ('directory' in location) {
    const directory = await oneLogOf(io, location.directory, args.number('log-number'))
    const store = await SnapshotStore.open(directory, SYNCHRONOUS)
    return await use({ store, directory }).finally(() => store.close())
  }
  const store = await storeAt(location.url)
  await store.openForReading()
  await use({ store, directory: undefined }).finally(() => store.close())
}
