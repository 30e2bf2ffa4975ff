import { writeSync } from 'node:fs'

/** Bytes in the memory that they are written from. */
export interface Stretch {
  readonly buffer: Uint8Array
  readonly start: number
  readonly length: number
}

/** Writes all of a stretch, by several writes where one is short: when the disk fills up, or at a limit. @throws what the file system throws */
export function writeFully(descriptor: number, { buffer, start, length }: Stretch, offset: number): void {
  let written = writeSync(descriptor, buffer, start, length, offset)
  while (written < length) {
    written += writeSync(descriptor, buffer, start + written, length - written, offset + written)
  }
}
