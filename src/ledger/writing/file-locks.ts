import { readFile, realpath } from 'node:fs/promises'
import { dirname } from 'node:path'
import { AuditLogError } from '../../events/errors.js'

/*
 * The locks of a ledger are those of its file system. Some network file systems lock for the one host alone: on each host a
 * process would take log 0, and they would write over each other. Linux tells how a file system is mounted.
 */

/** Requires that the locks in a directory hold for all who use it, as far as the system tells. */
export async function requireFileLocks(location: string): Promise<void> {
  const mounts = process.platform === 'linux' ? await readFile('/proc/self/mountinfo', 'utf8').catch(() => '') : ''
  const why = lacksLocks(mounts, await existing(location))
  if (why === undefined) return
  throw new AuditLogError(
    'AUDIT_LOCKS_UNSUPPORTED',
    `The ledger ${location} lies on ${why}, whose locks do not hold between hosts: two processes could write the same log. Put it on a local disk, or mount it with locks`,
  )
}

/** Options by which locks stay on the host that takes them, by the kind of the file system. */
const WITHOUT_LOCKS: Readonly<Record<string, RegExp>> = {
  nfs: /^(nolock|local_lock=(all|posix))$/,
  nfs4: /^(nolock|local_lock=(all|posix))$/,
  cifs: /^nobrl$/,
  smb3: /^nobrl$/,
}

/** File systems that have no locks of their own: buckets, and directories of another host by way of a remote shell. */
const NEVER_LOCKED = /^fuse\.(sshfs|s3fs|gcsfuse|goofys|rclone|mount-s3|mountpoint-s3|blobfuse2?)$/

/**
 * Returns which file system it is, if its locks do not hold between hosts.
 *
 * @param mountinfo - text of `/proc/self/mountinfo` (proc_pid_mountinfo(5))
 * @param path - absolute, without links
 */
export function lacksLocks(mountinfo: string, path: string): string | undefined {
  let found: { readonly point: string; readonly why: string | undefined } | undefined
  for (const line of mountinfo.split('\n')) {
    // 36 35 98:0 /root /mount/point rw,noatime optional fields - nfs source rw,nolock
    const [before = '', after = ''] = line.split(' - ')
    const point = unescaped(before.split(' ')[4] ?? '')
    if (point === '' || !isWithin(path, point) || (found && found.point.length > point.length)) continue
    const [kind = '', , options = ''] = after.split(' ')
    found = { point, why: whyOf(kind, options, point) }
  }
  return found?.why
}

function whyOf(kind: string, options: string, point: string): string | undefined {
  const option = options.split(',').find((each) => WITHOUT_LOCKS[kind]?.test(each))
  if (option !== undefined) return `${point}, mounted as ${kind} with ${option}`
  return NEVER_LOCKED.test(kind) ? `${point}, mounted as ${kind}` : undefined
}

function isWithin(path: string, point: string): boolean {
  return point === '/' || path === point || path.startsWith(`${point}/`)
}

/** Spaces and the like stand there as octal numbers. */
function unescaped(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
}

/** Returns the path without links of the nearest directory that is there. */
async function existing(path: string): Promise<string> {
  try {
    return await realpath(path)
  } catch {
    return dirname(path) === path ? path : await existing(dirname(path))
  }
}
