import type { SealedEntry } from '../store/contract.js'
import { postingPrefix } from '../store/keys.js'
import type { Database } from '../store/leveldb/database.js'
import { postingsOf } from '../store/postings.js'
import { isYoung, type YoungSpan } from '../verify/age.js'
import { type Finding, Findings } from '../verify/findings.js'
import { BLOCK_LENGTH, type BlockHashes, LeafBlock } from '../verify/leaf-block.js'
import { STATEMENT_TYPES, Statements, type StatementTallies } from '../verify/statements.js'
import { BlockTimes, type TimeSpan } from './block-times.js'
import { compareBlockTiles } from './compare-tiles.js'
import { decodeEntry, decodeFiled, type FiledEvent } from './decode-entry.js'
import type { RunChanges } from './open-run-table.js'
import { INDEX_NAMES, PostingSums, type SumKey } from './posting-sums.js'
import { RunFold } from './run-changes.js'
import { type EntryVisitor, walkEntries } from './walk-entries.js'

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
  /** See `InspectionRequest`. */
  readonly origins: readonly string[] | undefined
  readonly young: YoungSpan | undefined
  readonly sumKey: SumKey
}

/** What one block of entries is, and what is wrong with it and with what belongs to it alone. Plain. */
export interface BlockReport {
  readonly hashes: BlockHashes
  readonly findings: readonly Finding[]
  readonly statements: StatementTallies
  /** Positions of the log's own statements that its key changed. */
  readonly keyChanges: readonly number[]
  /** See `Inspection`. */
  readonly settledSize: number
  /** Two words for each index, in the order of {@link INDEX_NAMES}: see `PostingSums`. */
  readonly sums: Uint32Array
  readonly times: TimeSpan | undefined
  readonly runs: RunChanges
}

/** Goes through the entries of a block, and compares the tiles and time blocks that they fill. */
export async function inspectBlock(db: Database, task: BlockTask, location: string): Promise<BlockReport> {
  const inspector = new BlockInspector(task)
  await walkEntries(db, task, location, inspector)
  const { block, times, findings } = inspector.finish()
  await compareBlockTiles(db, block, task.size, findings, location)
  await times.compare(db, findings, location)
  return {
    hashes: block.finish(task.sizes),
    findings: findings.all,
    statements: inspector.statements.tallies,
    keyChanges: inspector.keyChanges,
    settledSize: inspector.settledSize,
    sums: inspector.sums(),
    times: times.whole,
    runs: inspector.runs(),
  }
}

class BlockInspector implements EntryVisitor {
  readonly findings = new Findings()
  readonly statements: Statements
  readonly keyChanges: number[] = []
  settledSize = 0
  readonly #task: BlockTask
  readonly #block: LeafBlock
  readonly #times: BlockTimes
  readonly #sums: readonly PostingSums[]
  /** Entries that follow each other, of which the postings are not summed up yet. */
  #chunk: { readonly event: FiledEvent }[] = []
  #chunkFrom: number
  readonly #runs = new RunFold()

  constructor(task: BlockTask) {
    this.#task = task
    this.statements = new Statements(task.origins)
    this.#block = new LeafBlock(task.from, task.to)
    this.#times = new BlockTimes(task.from, task.to)
    this.#sums = INDEX_NAMES.map(() => new PostingSums(task.sumKey, 1, Math.floor(task.from / BLOCK_LENGTH)))
    this.#chunkFrom = task.from
  }

  entry(seq: number, bytes: Uint8Array): void {
    if (seq > this.#block.next) this.#missingUntil(seq)
    this.#block.add(bytes)
    const event = decodeFiled(bytes)
    const { young } = this.#task
    if (young && !isYoung(event?.recordedAt, young)) this.settledSize = seq + 1
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
      if (this.statements.add(seq, decodeEntry(bytes) ?? {})) this.keyChanges.push(seq)
    }
  }

  finish(): { readonly block: LeafBlock; readonly times: BlockTimes; readonly findings: Findings } {
    if (this.#block.next < this.#task.to) this.#missingUntil(this.#task.to)
    this.#sumUp()
    return { block: this.#block, times: this.#times, findings: this.findings }
  }

  sums(): Uint32Array {
    return Uint32Array.from(this.#sums.flatMap(({ words }) => [...words]))
  }

  runs(): RunChanges {
    return this.#runs.changes(this.#task.sumKey)
  }

  stray(key: Buffer): void {
    this.findings.add('record_unknown', `the key ${key.toString('hex')} between entries is no entry's`)
  }

  #missingUntil(to: number): void {
    this.#sumUp()
    this.findings.add('entry_missing', `entry ${this.#block.next} is missing`, { from: this.#block.next, to })
    this.#block.addMissing(to)
    this.#chunkFrom = to
  }

  #sumUp(): void {
    // Postings are made of events alone.
    for (const { index, value, seqs } of postingsOf(this.#chunk as unknown as SealedEntry[], this.#chunkFrom)) {
      const sums = this.#sums[INDEX_NAMES.indexOf(index)] as PostingSums
      sums.under(postingPrefix(index, value))
      sums.add(seqs)
    }
    this.#runs.add(this.#chunk, this.#chunkFrom)
    this.#chunkFrom += this.#chunk.length
    this.#chunk = []
  }
}
