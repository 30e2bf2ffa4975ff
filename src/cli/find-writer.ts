import { lstat, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ENTRIES } from '../store/leveldb/database.js'

/** `open`: a process has the log open. `none`: no process has. `unknown`: this system does not say. */
export type WriterFound = 'open' | 'none' | 'unknown'

/** Finds out whether a process holds LevelDB's lock, by the list of locks that Linux keeps: an attempt to lock would take it. */
export async function findWriter(directory: string): Promise<WriterFound> {
  try {
    const [locks, { ino }] = await Promise.all([
      readFile('/proc/locks', 'utf8'),
      lstat(join(directory, ENTRIES, 'LOCK'), { bigint: true }),
    ])
    // 1: POSIX  ADVISORY  WRITE 4711 08:01:1835 0 EOF
    return locks.split('\n').some((line) => line.split(/\s+/)[5]?.endsWith(`:${ino}`)) ? 'open' : 'none'
  } catch {
    return 'unknown'
  }
}
