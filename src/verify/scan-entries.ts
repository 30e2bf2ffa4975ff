import { textOf } from '../events/text.js'
import type { Findings } from './findings.js'
import { isInGrace } from './grace-period.js'
import { BLOCK_LENGTH, BlockRoots, LeafBlock } from './leaf-block.js'
import type { InspectionRequest } from './source.js'
import { STATEMENT_TYPES, Statements, type StatementTallies } from './statements.js'

/** A run of entries without a gap. */
export interface EntryChunk {
  readonly from: number
  /** An entry without bytes was removed. */
  readonly entries: readonly Uint8Array[]
}

export interface ScannedEntries {
  readonly size: number
  readonly roots: BlockRoots
  readonly statements: StatementTallies
  readonly dueSize: number
  readonly removed: number
  readonly remarks: readonly string[]
}

/** The settings of a scan. */
export interface EntryScan {
  /** The number of entries that there should be; as many as come where that is not known. */
  readonly size?: number
  readonly request: Omit<InspectionRequest, 'threads' | 'entriesOnly'>
  readonly findings: Findings
  /** Compares a block of which all entries have come with what is kept of it. */
  readonly compareBlock?: (block: LeafBlock) => Promise<void>
}

/** Hashes entries that come in their order, on this thread. */
export async function scanEntries(
  chunks: AsyncIterable<EntryChunk>,
  { size, request, findings, compareBlock = async () => {} }: EntryScan,
): Promise<ScannedEntries> {
  const roots = new BlockRoots()
  const statements = new Statements(request.origins)
  let dueSize = 0
  let removed = 0
  let block: LeafBlock | undefined
  const finish = async (full: LeafBlock) => {
    await compareBlock(full)
    roots.add(full.finish([...new Set([...request.sizes, full.next])]))
    request.onProgress({ entries: full.next, size: size ?? full.next })
    request.signal?.throwIfAborted()
  }
  /** Returns the block that the entry at a position goes into; entries that are missing before it become findings. */
  const blockFor = async (seq: number): Promise<LeafBlock> => {
    for (;;) {
      block ??= new LeafBlock(roots.size, roots.size + BLOCK_LENGTH)
      const end = Math.min(block.from + BLOCK_LENGTH, seq)
      if (block.next < end) {
        findings.add('entry_missing', `entry ${block.next} is missing`, { from: block.next, to: end })
        block.addMissing(end)
      }
      if (block.next < block.from + BLOCK_LENGTH) return block
      await finish(block)
      block = undefined
    }
  }
  for await (const { from, entries } of chunks) {
    for (const [at, bytes] of entries.entries()) {
      const seq = from + at
      const block = await blockFor(seq)
      if (bytes.length === 0) {
        removed++
        block.addRemoved()
        findings.add('removal_unrecorded', `entry ${seq} is removed, and no entry is named that records it`, {
          from: seq,
          to: seq + 1,
        })
        continue
      }
      block.add(bytes)
      const event = request.gracePeriod || mayBeStatement(bytes) ? parsed(bytes) : undefined
      if (STATEMENT_TYPES.has(event?.type as string)) {
        const statement = statements.add(seq, event as ParsedEntry)
        if (statement) request.onStatement(statement)
      }
      if (request.gracePeriod && !isInGrace(event?.recordedAt, request.gracePeriod)) dueSize = seq + 1
    }
  }
  if (size !== undefined && (await blockFor(size)).next < size) throw new RangeError('the log has too many entries')
  if (block && block.next > block.from) await finish(block)
  return { size: roots.size, roots, statements: statements.tallies, dueSize, removed, remarks: [] }
}

const NAMES = [...STATEMENT_TYPES].map((type) => Buffer.from(`"${type}"`))

/** Few entries are statements, and only these are parsed. */
function mayBeStatement(bytes: Uint8Array): boolean {
  const entry = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  return NAMES.some((name) => entry.includes(name))
}

interface ParsedEntry {
  readonly type?: unknown
  readonly recordedAt?: unknown
  readonly statementOf?: unknown
  readonly data?: unknown
}

// Attacker-controlled: an entry of a log or a copy; its bundle, line or block bounds it, and every field is unknown.
function parsed(bytes: Uint8Array): ParsedEntry | undefined {
  try {
    return JSON.parse(textOf(bytes)) ?? undefined
  } catch {
    return undefined
  }
}
