import { rmSync } from 'node:fs'
import { lstat, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AuditLogError } from '../../events/errors.js'
import { isOnNetworkFileSystem } from '../network-file-system.js'
import { hasEnded, ownIdentity, type ProcessIdentity } from '../process-identity.js'

/*
 * Directories of processes that read, below the system's (`TMPDIR`). The name of one says whose it is, so that it has an
 * owner from the moment at which it exists:
 *
 *   spanledger-reader-<boot id>.<PID namespace>.<PID>.<start>-XXXXXX
 *
 * A process that is killed leaves its own; the next one removes it. Others may write to the system's directory as well:
 * only what is this user's alone is removed, and not in its place, where it could be exchanged for something else.
 */

const NAME = /^spanledger-[a-z]+-([\da-f]*)\.(\d*)\.(\d{1,10})\.(\d{1,15})-[^.]+$/
/** Those in use, to be removed when the process ends in good order. */
const inUse = new Set<string>()
let isListening = false

/**
 * Makes a directory for this process alone, which goes with the process at the latest, and removes what processes that
 * were killed have left.
 *
 * @param prefix - `spanledger-` and what it is for, in small letters
 */
export async function createTemporaryDirectory(prefix: string): Promise<string> {
  const own = ownIdentity()
  const owner = own ? `${own.bootId}.${own.namespace}.${own.pid}.${own.startTicks}-` : ''
  const directory = await mkdtemp(join(tmpdir(), `${prefix}-${owner}`)).catch(unusable)
  if (!isListening) process.once('exit', removeAll)
  isListening = true
  inUse.add(directory)
  // Nobody's reading depends on it.
  if (own) await removeAbandoned(directory, own).catch(() => undefined)
  return directory
}

/** Names the directory of the system that reading needs: its user would not think of it. */
function unusable(cause: unknown): never {
  const why = cause instanceof Error ? cause.message : String(cause)
  throw new AuditLogError(
    'AUDIT_OPEN_FAILED',
    `Reading needs room for a snapshot in ${tmpdir()}, which cannot be written: ${why}. Set TMPDIR to a directory that can be`,
    { cause },
  )
}

export async function removeTemporaryDirectory(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true })
  inUse.delete(directory)
}

function removeAll(): void {
  for (const directory of inUse) rmSync(directory, { recursive: true, force: true })
}

/** @param room - a directory of this process, in which nobody else can exchange anything */
async function removeAbandoned(room: string, own: ProcessIdentity): Promise<void> {
  const names = (await readdir(tmpdir())).filter((name) => isAbandoned(name, own))
  if (names.length === 0) return
  const isShared = isOnNetworkFileSystem(tmpdir())
  for (const name of names) {
    if (isShared && ownerOf(name)?.bootId !== own.bootId) continue
    // One that another process removes, or that cannot be removed, is left.
    await removeOwn(join(tmpdir(), name), join(room, 'abandoned')).catch(() => undefined)
  }
}

function isAbandoned(name: string, own: ProcessIdentity): boolean {
  const owner = ownerOf(name)
  return owner !== undefined && hasEnded(owner, own)
}

function ownerOf(name: string): ProcessIdentity | undefined {
  // Attacker-controlled: the name of a directory; one anchored pattern.
  const [, bootId, namespace, pid, startTicks] = NAME.exec(name) ?? []
  if (bootId === undefined || namespace === undefined) return undefined
  return { bootId, namespace, pid: Number(pid), startTicks: Number(startTicks) }
}

/** Removes a directory of this user, which is moved to where nobody else can get at it first. */
async function removeOwn(path: string, aside: string): Promise<void> {
  if (!(await isOwn(path))) return
  await rename(path, aside)
  if (await isOwn(aside)) await rm(aside, { recursive: true, force: true })
  else await rename(aside, path)
}

/** A directory, no link, that this user has made for itself alone. */
async function isOwn(path: string): Promise<boolean> {
  const found = await lstat(path)
  return found.isDirectory() && (found.mode & 0o077) === 0 && found.uid === process.getuid?.()
}
