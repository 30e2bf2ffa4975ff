import { decodeEntry } from '../store/decode-entry.js'
import type { Block, RemovedSlot } from '../store/leveldb/entries/block.js'
import { isHeadOf } from '../store/leveldb/entries/head-value.js'
import type { ReadKey } from '../store/leveldb/entries/keys.js'
import type { Database } from '../store/leveldb/load-level.js'
import { decodeWithRun } from '../store/runs/decode-run.js'
import { UsualEntry } from '../store/usual-entry.js'
import { type Finding, type FindingKind, Findings } from '../verify/findings.js'
import { type GracePeriod, isInGrace } from '../verify/grace-period.js'
import { type BlockHashes, LeafBlock } from '../verify/leaf-block.js'
import { unrecordedRemovals } from '../verify/removals.js'
import type { SeqSpan } from '../verify/report.js'
import { STATEMENT_TYPES, Statements, type StatementTallies } from '../verify/statements.js'
import { compareBlockTiles, type TilePart } from './compare-tiles.js'
import { DirectoryPages } from './directory-pages.js'
import { type ComparedIndex, FiledEntries, type FiledReport } from './filed-entries.js'
import type { FrozenDatabases } from './frozen-log.js'
import { type PromisedContent, promisedIn } from './promised-content.js'
import { getUndamaged } from './read-block.js'
import { isAnyRemoved, type RemovedPositions, removedIn } from './removed-positions.js'
import { readValue } from './stored-row.js'
import { type BlockVisitor, walkBlocks } from './walk-blocks.js'

export interface BlockTask {
  readonly kind: 'block'
  readonly from: number
  readonly to: number
  /** Number of entries of the log. */
  readonly size: number
  /** Position of the first entry in a small block. */
  readonly openFrom: number
  /** Number of entries when the checkpoint was stored. */
  readonly checkpointSize: number | undefined
  /** Sizes at which the root is wanted. */
  readonly sizes: readonly number[]
  /** See `InspectionRequest`. */
  readonly origins: readonly string[] | undefined
  readonly gracePeriod: GracePeriod | undefined
  readonly index: ComparedIndex | undefined
  /** Content is compared as well. */
  readonly withContent: boolean
}

/** The report on one block of entries, and on what belongs to it alone. Plain. */
export interface BlockReport {
  readonly hashes: BlockHashes
  readonly findings: readonly Finding[]
  readonly statements: StatementTallies
  /** Positions of the log's own statements whose data is needed. */
  readonly statementSeqs: readonly number[]
  /** See `Inspection`. */
  readonly dueSize: number
  /** `undefined` where none were removed. */
  readonly removed: RemovedPositions | undefined
  readonly filed: FiledReport | undefined
  /** The content that its entries promise, in their order; none unless it was asked for. */
  readonly promised: readonly PromisedContent[]
}

/** Goes through the entries of a block, and compares the tiles, the pages and the time blocks that they fill. */
export async function inspectBlock(
  { entries, index }: FrozenDatabases,
  task: BlockTask,
  location: string,
): Promise<BlockReport> {
  const inspector = new BlockInspector(task, index, location)
  await walkBlocks(entries, task, location, inspector)
  const { leaves, pages, filed, findings, removals } = inspector.finish()
  pages.compare(task.openFrom, findings)
  compareBlockTiles(inspector.tiles, leaves, findings)
  for (const [under, seqs] of removals) {
    const bytes = await getUndamaged(entries, under, location)
    const [seq] = unrecordedRemovals(seqs, bytes && decodeEntry(bytes), task.origins)
    if (seq === undefined) continue
    const span = { from: seq, to: seq + 1 }
    findings.add('removal_unrecorded', `entry ${seq} is removed under entry ${under}, which does not record that`, span)
  }
  const removed = removedIn(leaves)
  const isThinned = (from: number, to: number) => removed !== undefined && isAnyRemoved(removed, from, to)
  if (index) await filed?.times.compare(index, isThinned, findings, location)
  const report = filed?.finish()
  return {
    hashes: leaves.finish(task.sizes),
    findings: findings.all,
    statements: inspector.statements.tallies,
    statementSeqs: inspector.statementSeqs,
    dueSize: inspector.dueSize,
    removed,
    filed: report,
    promised: inspector.promised,
  }
}

class BlockInspector implements BlockVisitor {
  readonly findings = new Findings()
  readonly statements: Statements
  readonly statementSeqs: number[] = []
  readonly promised: PromisedContent[] = []
  /** Tiles of level 0 and 1. */
  readonly tiles: [TilePart[], TilePart[]] = [[], []]
  dueSize = 0
  readonly #task: BlockTask
  readonly #leaves: LeafBlock
  readonly #pages: DirectoryPages
  readonly #filed: FiledEntries | undefined
  readonly #usual = new UsualEntry()
  /** Positions of entries that were removed, by the position under which they were. */
  readonly #removals = new Map<number, number[]>()

  constructor(task: BlockTask, db: Database | undefined, location: string) {
    const { from, to, origins, index } = task
    this.#task = task
    this.statements = new Statements(origins)
    this.#leaves = new LeafBlock(from, to)
    this.#pages = new DirectoryPages(from, to)
    if (!db || !index || index.covered <= from) return
    const { findings } = this
    const readRow = (key: Buffer) => readValue(db, key, findings, location)
    this.#filed = new FiledEntries({ ...index, from, to: Math.min(to, index.covered), readRow, findings })
  }

  block(block: Block, from: number, to: number): void {
    if (from > this.#leaves.next) this.#missingUntil(from)
    this.#pages.add(block.firstSeq, block.end)
    const text = block.memory.toString('latin1')
    if (this.#task.withContent) this.promised.push(...promisedIn(block, text, from, to))
    for (let seq = from; seq < to; seq++) {
      if (block.isRemoved(seq)) this.#removed(seq, block.removed(seq) as RemovedSlot)
      else this.#entry(seq, block, text)
    }
  }

  beside(key: Exclude<ReadKey, { readonly kind: 'block' }>, value: Uint8Array): void {
    const { checkpointSize } = this.#task
    switch (key.kind) {
      case 'page':
        this.#pages.addStored(key.page, value)
        break
      case 'tile':
        // A copy: it is compared when its neighbours in memory are gone.
        this.tiles[key.level]?.push({ node: key.node, hashes: Buffer.from(value) })
        break
      case 'head':
        // That of a smaller log stays between full blocks.
        if (!isHeadOf(key.seq, value)) this.wrong('record_unknown', `the head of ${key.seq} entries is malformed`)
        break
      case 'checkpoint':
        // So does one that a newer one has taken the place of.
        if (checkpointSize !== undefined && key.seq <= checkpointSize) break
        this.wrong('record_unknown', `the head does not tell of the checkpoint stored with ${key.seq} entries`)
    }
  }

  wrong(kind: FindingKind, detail: string, span?: SeqSpan): void {
    this.findings.add(kind, detail, span)
  }

  finish() {
    if (this.#leaves.next < this.#task.to) this.#missingUntil(this.#task.to)
    const [leaves, pages, filed] = [this.#leaves, this.#pages, this.#filed]
    return { leaves, pages, filed, findings: this.findings, removals: this.#removals }
  }

  #entry(seq: number, block: Block, text: string): void {
    const [start, end] = [block.startOf(seq), block.endOf(seq)]
    this.#leaves.addFrom(block.memory, start, end)
    const usual = this.#usual
    if (!usual.find(text, start, end)) {
      this.#unusual(seq, block)
      return
    }
    if (this.#filed) {
      if (block.hasCallerId(seq)) this.#addCallerId(this.#filed, seq, block)
      this.#filed.addUsual(seq, usual, () => block.entry(seq) as Uint8Array)
    }
    const { gracePeriod } = this.#task
    if (gracePeriod && !isInGrace(usual.recordedAt, gracePeriod)) this.dueSize = seq + 1
    if (STATEMENT_TYPES.has(usual.type)) this.#statement(seq, block)
  }

  /** An entry of which nothing is known before all of it is parsed. */
  #unusual(seq: number, block: Block): void {
    const event = decodeWithRun(block.entry(seq) as Uint8Array)
    const { gracePeriod } = this.#task
    if (gracePeriod && !isInGrace(event?.recordedAt, gracePeriod)) this.dueSize = seq + 1
    if (!event) {
      this.findings.add('entry_unreadable', `entry ${seq} is no event`, { from: seq, to: seq + 1 })
      return
    }
    if (this.#filed && block.hasCallerId(seq)) this.#addCallerId(this.#filed, seq, block)
    this.#filed?.add(seq, event)
    if (STATEMENT_TYPES.has(event.type)) this.#statement(seq, block)
  }

  #statement(seq: number, block: Block): void {
    if (this.statements.add(seq, decodeEntry(block.entry(seq) as Uint8Array) ?? {})) this.statementSeqs.push(seq)
  }

  #addCallerId(filed: FiledEntries, seq: number, block: Block): void {
    const event = decodeEntry(block.entry(seq) as Uint8Array)
    if (typeof event?.id === 'string') filed.addCallerId(seq, event.tenantId, event.id)
  }

  #removed(seq: number, { removedUnder, idDigest }: RemovedSlot): void {
    this.#leaves.addRemoved()
    // When it was recorded nobody knows any more.
    if (this.#task.gracePeriod) this.dueSize = seq + 1
    const known = this.#removals.get(removedUnder)
    if (known) known.push(seq)
    else this.#removals.set(removedUnder, [seq])
    if (idDigest) this.#filed?.addRemovedId(seq, idDigest)
  }

  #missingUntil(to: number): void {
    const { next } = this.#leaves
    this.findings.add('entry_missing', `entry ${next} is missing`, { from: next, to })
    this.#pages.addMissing(next, to)
    this.#leaves.addMissing(to)
  }
}
