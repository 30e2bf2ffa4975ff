import { cpSync, rmSync } from 'node:fs'

/** Copies the directory of an open log at one moment: the log may be deleting files that it needs no more. */
export function copyLive(directory: string, image: string): void {
  for (;;) {
    try {
      cpSync(directory, image, { recursive: true })
      return
    } catch (problem) {
      if ((problem as NodeJS.ErrnoException).code !== 'ENOENT') throw problem
      rmSync(image, { recursive: true, force: true })
    }
  }
}
