import { AuditLogError } from '../events/errors.js'
import type { SealedEntry } from '../store/contract.js'
import { entryKey, postingPrefix, seqOfKey } from '../store/keys.js'
import type { Database } from '../store/leveldb/database.js'
import { openRunChanges } from '../store/open-runs.js'
import { postingsOf } from '../store/postings.js'
import { type Finding, Findings } from '../verify/findings.js'
import { BLOCK_LENGTH, type BlockHashes, LeafBlock } from '../verify/leaf-block.js'
import { type LogStatement, STATEMENT_TYPES, statementIn } from '../verify/source.js'
import { BlockTimes, type TimeSpan } from './block-times.js'
import { compareBlockTiles } from './compare-tiles.js'
import { decodeEntry, decodeFiled, type FiledEvent } from './decode-entry.js'
import { INDEX_NAMES, PostingSums, type SumKey } from './posting-sums.js'
import { walkRange } from './walk-range.js'

/** Entries of which the postings are worked out together: what they have in common is hashed once. */
const CHUNK_LENGTH = 1_024

export interface BlockTask {
  readonly kind: 'block'
  readonly from: number
  readonly to: number
  /** Number of entries of the log. */
  readonly size: number
  /** Sizes at which the root is wanted. */
  readonly sizes: readonly number[]
  readonly sumKey: SumKey
}

/** How a block leaves a run: at the position of the event that began it last, or ended. */
export type RunChange = readonly [tenantId: string, runId: string, openSince: number | undefined]

/** What one block of entries is, and what is wrong with it and with what belongs to it alone. Plain. */
export interface BlockReport {
  readonly hashes: BlockHashes
  readonly findings: readonly Finding[]
  readonly statements: readonly LogStatement[]
  /** Two words for each index, in the order of {@link INDEX_NAMES}: see `PostingSums`. */
  readonly sums: Uint32Array
  readonly times: TimeSpan | undefined
  readonly runs: readonly RunChange[]
}

/** Goes through the entries of a block, and compares the tiles and time blocks that they fill. */
export async function inspectBlock(db: Database, task: BlockTask, location: string): Promise<BlockReport> {
  const inspector = new BlockInspector(task)
  try {
    await readEntries(db, task, location, inspector)
  } catch (error) {
    if (!(error instanceof AuditLogError)) throw error
    await readOneByOne(db, task, inspector)
  }
  const { block, times, findings } = inspector.finish()
  await compareBlockTiles(db, block, task.size, findings, location)
  await times.compare(db, findings, location)
  return {
    hashes: block.finish(task.sizes),
    findings: findings.all,
    statements: inspector.statements,
    sums: inspector.sums(),
    times: times.whole,
    runs: inspector.runs(),
  }
}

async function readEntries(db: Database, { from, to }: BlockTask, location: string, inspector: BlockInspector) {
  for await (const items of walkRange(db, { gte: entryKey(from), lt: entryKey(to) }, location)) {
    for (const [key, bytes] of items) {
      if (key.length === 9) inspector.entry(seqOfKey(key), bytes)
      else inspector.findings.add('record_unknown', `the key ${key.toString('hex')} between entries is no entry's`)
    }
  }
}

/** Where LevelDB cannot read a part, the rest is found by its keys. */
async function readOneByOne(db: Database, { to }: BlockTask, inspector: BlockInspector) {
  for (let seq = inspector.next; seq < to; seq++) {
    const bytes = await db.get(entryKey(seq)).catch(() => undefined)
    if (bytes) inspector.entry(seq, bytes)
  }
}

class BlockInspector {
  readonly findings = new Findings()
  readonly statements: LogStatement[] = []
  readonly #task: BlockTask
  readonly #block: LeafBlock
  readonly #times: BlockTimes
  readonly #sums: readonly PostingSums[]
  /** Entries that follow each other, of which the postings are not summed up yet. */
  #chunk: { readonly event: FiledEvent }[] = []
  #chunkFrom: number
  readonly #runs = new Map<string, RunChange>()

  constructor(task: BlockTask) {
    this.#task = task
    this.#block = new LeafBlock(task.from, task.to)
    this.#times = new BlockTimes(task.from, task.to)
    this.#sums = INDEX_NAMES.map(() => new PostingSums(task.sumKey, 1, Math.floor(task.from / BLOCK_LENGTH)))
    this.#chunkFrom = task.from
  }

  /** Position of the next entry. */
  get next(): number {
    return this.#block.next
  }

  entry(seq: number, bytes: Uint8Array): void {
    if (seq > this.next) this.#missingUntil(seq)
    this.#block.add(bytes)
    const event = decodeFiled(bytes)
    if (!event) {
      this.findings.add('entry_unreadable', `entry ${seq} is no event`, { from: seq, to: seq + 1 })
      this.#sumUp()
      this.#chunkFrom = seq + 1
      return
    }
    this.#chunk.push({ event })
    if (this.#chunk.length === CHUNK_LENGTH) this.#sumUp()
    this.#times.add(seq, event.time)
    if (STATEMENT_TYPES.has(event.type)) {
      const statement = statementIn(seq, decodeEntry(bytes))
      if (statement) this.statements.push(statement)
    }
  }

  finish(): { readonly block: LeafBlock; readonly times: BlockTimes; readonly findings: Findings } {
    if (this.next < this.#task.to) this.#missingUntil(this.#task.to)
    this.#sumUp()
    return { block: this.#block, times: this.#times, findings: this.findings }
  }

  sums(): Uint32Array {
    return Uint32Array.from(this.#sums.flatMap(({ words }) => [...words]))
  }

  runs(): readonly RunChange[] {
    return [...this.#runs.values()]
  }

  #missingUntil(to: number): void {
    this.#sumUp()
    this.findings.add('entry_missing', `entry ${this.next} is missing`, { from: this.next, to })
    this.#block.addMissing(to)
    this.#chunkFrom = to
  }

  #sumUp(): void {
    // Postings are made of events alone.
    const entries = this.#chunk as unknown as readonly SealedEntry[]
    for (const { index, value, seqs } of postingsOf(entries, this.#chunkFrom)) {
      const sums = this.#sums[INDEX_NAMES.indexOf(index)] as PostingSums
      sums.under(postingPrefix(index, value))
      sums.add(seqs)
    }
    for (const { tenantId, runId, seq } of openRunChanges(entries, this.#chunkFrom)) {
      this.#runs.set(JSON.stringify([tenantId, runId]), [tenantId, runId, seq])
    }
    this.#chunkFrom += this.#chunk.length
    this.#chunk = []
  }
}
