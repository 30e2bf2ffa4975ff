import type { SealedContent } from './contract.js'

// Every copy of this package in a process uses the same symbol.
const SEALED_CONTENT: unique symbol = Symbol.for('spanledger.sealedContent.v1')

/** A log, or a reader of one, that gives content items as they are stored. No part of the public interface. */
export interface SealedContentSource {
  /** Returns the items of the entries at these positions; none where the store keeps no content. @throws what the store throws */
  [SEALED_CONTENT](seqs: readonly number[]): Promise<readonly (readonly SealedContent[])[]>
}

export { SEALED_CONTENT }

export function isSealedContentSource(log: object): log is SealedContentSource {
  return SEALED_CONTENT in log
}

/** Returns a log that gives the content items that a reader of it gives. */
export function withSealedContent<L extends object>(log: L, reader: SealedContentSource): L {
  const give: SealedContentSource[typeof SEALED_CONTENT] = (seqs) => reader[SEALED_CONTENT](seqs)
  return Object.defineProperty(log, SEALED_CONTENT, { value: give })
}
