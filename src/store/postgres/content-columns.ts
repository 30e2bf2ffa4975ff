import type { SealedEntry } from '../contract.js'
import { array, SplitByteColumns } from './byte-columns.js'

/**
 * Returns the content of entries, in the order of the statement's parameters; `undefined` where they have none.
 *
 * @param firstSeq - position of the first entry
 */
export function contentColumns(entries: readonly SealedEntry[], firstSeq: number): readonly unknown[] | undefined {
  const bytes = new SplitByteColumns()
  const [seqs, items]: [number[], number[]] = [[], []]
  for (const [at, { content }] of entries.entries()) {
    if (!content) continue
    for (const [item, sealed] of content.entries()) {
      seqs.push(firstSeq + at)
      items.push(item)
      bytes.add(Buffer.from(sealed.field), sealed.bytes)
    }
  }
  if (seqs.length === 0) return undefined
  return [bytes.bytes, array(seqs), array(items), ...bytes.places('first'), ...bytes.places('second')]
}
