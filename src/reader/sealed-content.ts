import type { SealedContent } from '../store/contract.js'

/** Reads the content of entries as it is stored: encrypted. @throws what the store throws */
export type ReadSealedContent = (seqs: readonly number[]) => Promise<readonly (readonly SealedContent[])[]>

const SOURCES = new WeakMap<object, ReadSealedContent>()

/** Notes what reads the stored content of a log. */
export function readContentBy(log: object, read: ReadSealedContent): void {
  SOURCES.set(log, read)
}

/** Notes that a log has the stored content of a reader. */
export function readContentAs(log: object, reader: object): void {
  const read = SOURCES.get(reader)
  if (read) SOURCES.set(log, read)
}

/** Returns what reads the stored content of a log; `undefined` for a log of somebody else's making. */
export function contentReaderOf(log: object): ReadSealedContent | undefined {
  return SOURCES.get(log)
}
