import { fsync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'

/** Waits until what was written to an open file or directory is on the disk. By its descriptor: Yarn's Plug'n'Play has no `FileHandle.sync()`. */
export async function syncFile(file: FileHandle): Promise<void> {
  await new Promise<void>((resolve, reject) => fsync(file.fd, (problem) => (problem ? reject(problem) : resolve())))
}
