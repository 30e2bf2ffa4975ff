import { chmod, lstat, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { directoryMode, fileMode, NOBODY, readersOfLog } from '../files/readers.js'
import { readRegularFile, requireDirectory } from '../files/regular-file.js'
import { widen } from '../store/directory.js'
import { hasEnded, ownIdentity, type ProcessIdentity } from '../store/process-identity.js'
import { type ProcessStatus, parseStatus } from './process-status.js'

/*
 * Each process that writes to a ledger keeps a small file in `processes/`, which states whether it is audited. It removes
 * the file when it shuts down in order, so that the file of a process that has ended shows one that did not.
 *
 * The files are for people to look at. Nothing goes by them: whoever can write to the directory can put any there.
 */

/** A file has no more. */
const MAX_BYTES = 16 * 1024
/** Files that are looked at. */
const MAX_FILES = 256
/** Files of processes that have ended, which are kept for people to see. */
const MAX_ENDED = 32
const STATUS_FILE = /^\d{1,10}-[\da-f]{8}\.json$/

/** A process whose status was found. */
export interface FoundProcess extends ProcessStatus {
  /** `unknown` for one of another host or container, or where the system has no identities. */
  readonly state: 'running' | 'ended' | 'unknown'
}

/** The processes of a ledger. */
export interface FoundProcesses {
  /** The latest first. */
  readonly processes: readonly FoundProcess[]
  /** Files that are no status of a process, or were too many to be read. */
  readonly unreadStatusFiles: number
}

/** Returns the directory in which processes keep their status files. */
export function processesAt(location: string): string {
  return join(location, 'processes')
}

/** Reads the status files of processes, and counts those that cannot be read. Never rejects. */
export async function readProcesses(location: string): Promise<FoundProcesses> {
  const { found, unreadStatusFiles } = await readAll(processesAt(location))
  const processes = found.map(({ status, state }) => ({ ...status, state }))
  return { processes: processes.sort((one, other) => other.startedAt.localeCompare(one.startedAt)), unreadStatusFiles }
}

/**
 * Writes the status of a process: whenever it is read, it is the old one or the new one. The directory of the ledger has
 * to exist.
 *
 * @param name - of the file: `4711-0a1b2c3d.json`
 */
export async function writeStatus(location: string, name: string, status: ProcessStatus): Promise<void> {
  const directory = processesAt(location)
  const readers = readersOfLog(location)
  const isNew = await mkdir(directory, { mode: directoryMode(readers) }).then(() => true, unless('EEXIST'))
  requireDirectory(await lstat(directory), directory)
  // One that is there keeps its mode.
  if (isNew) await widen(directory, directoryMode(readers))
  const path = join(directory, name)
  const next = `${path}.next`
  // Made anew: what somebody else put there could be a link, or readable by others.
  await rm(next, { force: true })
  await writeFile(next, `${JSON.stringify(status)}\n`, { flag: 'wx', mode: 0o600 })
  if (readers !== NOBODY) await chmod(next, fileMode(readers))
  await rename(next, path)
}

/** Removes the status of a process. */
export async function removeStatus(location: string, name: string): Promise<void> {
  await rm(join(processesAt(location), name), { force: true })
}

/** Removes the files of processes that have ended, but for the latest. */
export async function forgetEnded(location: string): Promise<void> {
  const { found } = await readAll(processesAt(location))
  const ended = found.filter(({ state }) => state === 'ended')
  ended.sort((one, other) => other.status.updatedAt.localeCompare(one.status.updatedAt))
  for (const { name } of ended.slice(MAX_ENDED)) await removeStatus(location, name)
}

interface Found {
  readonly name: string
  readonly status: ProcessStatus
  readonly state: FoundProcess['state']
}

async function readAll(directory: string): Promise<{ readonly found: Found[]; readonly unreadStatusFiles: number }> {
  const names = await namesIn(directory)
  const own = ownIdentity()
  const found: Found[] = []
  for (const name of names.slice(0, MAX_FILES)) {
    const status = await statusIn(join(directory, name))
    if (status) found.push({ name, status, state: stateOf(status, own) })
  }
  return { found, unreadStatusFiles: names.length - found.length }
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    requireDirectory(await lstat(directory), directory)
    return (await readdir(directory)).filter((name) => STATUS_FILE.test(name)).sort()
  } catch {
    return []
  }
}

async function statusIn(path: string): Promise<ProcessStatus | undefined> {
  try {
    return parseStatus((await readRegularFile(path, MAX_BYTES)).toString('utf8'))
  } catch {
    return undefined
  }
}

/** The numbers of processes count on one host. A host that was started again has another boot id, and so has another host. */
function stateOf({ host, identity }: ProcessStatus, own: ProcessIdentity | undefined): FoundProcess['state'] {
  if (!own || !identity || host !== hostname()) return 'unknown'
  if (hasEnded(identity, own)) return 'ended'
  return identity.bootId === own.bootId && identity.namespace === own.namespace ? 'running' : 'unknown'
}

function unless(code: string): (problem: unknown) => undefined {
  return (problem) => {
    if ((problem as NodeJS.ErrnoException).code !== code) throw problem
  }
}
