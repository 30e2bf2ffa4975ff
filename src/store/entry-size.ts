import type { SealedEntry } from './contract.js'

/** Bytes of an entry and of its content. */
export function sizeOf({ byteLength, content }: Pick<SealedEntry, 'byteLength' | 'content'>): number {
  let size = byteLength
  if (content) for (const { bytes } of content) size += bytes.length
  return size
}
