import type { IndexName, SealedEntry } from '../contract.js'
import { postingPrefix } from '../keys.js'
import { INDEX_ARITY } from '../postings.js'

/*
 * A posting row holds what one commit files under one value. It is filed under the first parts of the value too, as
 * [sessionId] besides [sessionId, tenantId], so that every lookup is one range of one index:
 *
 *   value   number of parts | posting prefix of these parts
 */

/** The `value` of rows that file postings under these parts: all, or the first ones, of a value of the index. */
export function postingValueKey(index: IndexName, parts: readonly string[]): Buffer {
  return Buffer.concat([Uint8Array.of(parts.length), postingPrefix(index, parts)])
}

/** Returns the beginning of the `value` of all rows of full values of an index. */
export function fullValuePrefix(index: IndexName): Buffer {
  return Buffer.concat([Uint8Array.of(INDEX_ARITY[index]), postingPrefix(index, [])])
}

/** Returns the positions that a group, stored from `firstSeq` on, files under the first parts of values. */
export function partialValueKeys(
  entries: readonly SealedEntry[],
  firstSeq: number,
): readonly (readonly [Buffer, number[]])[] {
  const sessions = new Map<string, number[]>()
  let seq = firstSeq
  for (const { event } of entries) {
    const seqs = sessions.get(event.sessionId)
    if (seqs) seqs.push(seq)
    else sessions.set(event.sessionId, [seq])
    seq++
  }
  return [...sessions].map(([sessionId, seqs]) => [postingValueKey('session', [sessionId]), seqs])
}

/** The index that a stored value is of; `undefined` where it is of none. */
export function indexOfValue(value: Buffer): IndexName | undefined {
  return INDEX_NAMES.find((index) => {
    const prefix = postingPrefix(index, [])
    return value.length > 1 + prefix.length && value.compare(prefix, 0, prefix.length, 1, 1 + prefix.length) === 0
  })
}

const INDEX_NAMES = Object.keys(INDEX_ARITY) as IndexName[]
