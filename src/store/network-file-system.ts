import { statfsSync } from 'node:fs'

/** NFS, SMB, CIFS, FUSE, Ceph, Lustre, AFS, GFS2, OCFS2, 9P, VirtualBox. */
const TYPES: ReadonlySet<number> = new Set([
  0x6969, 0x517b, 0xfe534d42, 0xff534d42, 0x65735546, 0xc36400, 0x0bd00bd0, 0x5346414f, 0x01161970, 0x7461636f,
  0x01021997, 0x786f4256,
])

/**
 * Tells whether a path is on a file system that other machines may use as well. A process of another boot id may be running
 * on one of these: it has not ended, as it has where only this machine writes.
 *
 * @throws what the file system throws
 */
export function isOnNetworkFileSystem(path: string): boolean {
  return TYPES.has(statfsSync(path).type)
}
