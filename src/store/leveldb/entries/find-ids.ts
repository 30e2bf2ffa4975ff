import type { CallerId } from '../../contract.js'
import { decodeEntry } from '../../decode-entry.js'
import type { NameHashes } from '../hash-key.js'
import type { Block } from './block.js'

/**
 * Finds entries, also removed ones, by the ids that their callers chose, in the blocks. It takes time by how much is stored: for
 * a log whose index cannot be read.
 */
export async function findIds(
  ids: readonly CallerId[],
  blocks: AsyncIterable<readonly Block[]>,
  hashes: NameHashes,
): Promise<readonly (number | undefined)[]> {
  const wanted = ids.map(({ tenantId, id }) => hashes.ofPair(tenantId, id))
  const found = new Map<string, number>()
  const missing = new Set(wanted)
  for await (const some of blocks) {
    for (const block of some) {
      for (let seq = block.firstSeq; seq < block.end; seq++) {
        const hash = block.hasCallerId(seq) ? hashOf(block, seq, hashes) : undefined
        if (hash !== undefined && missing.delete(hash)) found.set(hash, seq)
      }
    }
    if (missing.size === 0) break
  }
  return wanted.map((hash) => found.get(hash))
}

function hashOf(block: Block, seq: number, hashes: NameHashes): string | undefined {
  const bytes = block.entry(seq)
  if (!bytes) return Buffer.from(block.removed(seq)?.idDigest ?? []).toString('latin1')
  const event = decodeEntry(bytes)
  return typeof event?.id === 'string' ? hashes.ofPair(event.tenantId, event.id) : undefined
}
