import { type Tile, TreeFrontier, tilePath } from '../../tree/index.js'
import type {
  AuditStore,
  CallerId,
  CommitMarks,
  CommitResult,
  IndexName,
  JournalPosition,
  SealedContent,
  SealedEntry,
  SeqCursor,
  SeqRange,
  StoredEntry,
  Walk,
} from '../contract.js'
import { newLogId } from '../log-id.js'
import { openRunChanges, openRunId } from '../open-runs.js'
import { assertPosition, callerIdText, placeGroup } from '../placement.js'
import { INDEX_ARITY, postingsOf } from '../postings.js'
import { storeClosed } from '../store-closed.js'
import { clampBlocks, TIME_LEVELS, type TimeBlock, widenBlocks } from '../time-blocks.js'
import { clampWalk, lowerBound } from '../walk.js'
import { ArrayCursor, CHUNK_LENGTH } from './cursor.js'

/**
 * Returns a store in memory, for tests and for processes whose audit trail may end with them. Durability is all it
 * lacks; every other promise of the contract holds. Closing keeps the entries, so that the same store can be opened
 * again.
 */
export function memoryStore(): AuditStore {
  return new MemoryStore()
}

/** Tells whether a store is one of {@link memoryStore}. */
export function isMemoryStore(store: AuditStore): boolean {
  return store instanceof MemoryStore
}

class MemoryStore implements AuditStore {
  readonly location = 'memory'
  readonly id = newLogId()
  readonly #entries: Uint8Array[] = []
  /** By position. */
  readonly #content = new Map<number, readonly SealedContent[]>()
  /** By {@link callerIdText}. */
  readonly #callerIds = new Map<string, number>()
  /** Positions by index and value, filed under the first parts of the value too, so that a lookup is one array. */
  readonly #postings = new Map<string, number[]>()
  readonly #firsts: Record<IndexName, number[]> = {
    session: [],
    run: [],
    type: [],
    agent: [],
    tenant: [],
    parent: [],
    actor: [],
    tool: [],
    superseding: [],
  }
  /** By level and number. */
  readonly #timeBlocks = Array.from({ length: TIME_LEVELS }, (): TimeBlock[] => [])
  readonly #openRuns = new Map<string, number>()
  /** Full and partial, by path without the width. */
  readonly #tiles = new Map<string, Uint8Array>()
  #tree = TreeFrontier.empty
  #checkpoint: string | undefined = undefined
  #open = false
  #journalPosition: JournalPosition | undefined = undefined
  #closedInOrder = true

  get size(): number {
    return this.#entries.length
  }

  get root(): Uint8Array {
    return this.#tree.root
  }

  get checkpoint(): string | undefined {
    return this.#checkpoint
  }

  get journalPosition(): JournalPosition | undefined {
    return this.#journalPosition
  }

  get closedInOrder(): boolean {
    return this.#closedInOrder
  }

  async open(): Promise<void> {
    this.#open = true
  }

  async close(): Promise<void> {
    this.#open = false
  }

  async commit(group: readonly SealedEntry[], marks?: CommitMarks): Promise<CommitResult> {
    this.#assertOpen()
    const placement = placeGroup(group, { size: this.size, callerIds: this.#callerIds })
    const { fresh, firstNew, seqs, callerIds } = placement
    assertPosition(placement, marks, this.location)
    for (const [id, seq] of callerIds) this.#callerIds.set(id, seq)
    const last = this.#timeBlocks.flatMap((blocks) => blocks.slice(-1))
    for (const block of widenBlocks(last, fresh, this.size)) {
      const blocks = this.#timeBlocks[block.level] as TimeBlock[]
      blocks[block.block] = block
    }
    for (const { tenantId, runId, seq } of openRunChanges(fresh, this.size)) {
      const id = openRunId(tenantId, runId)
      if (seq === undefined) this.#openRuns.delete(id)
      else this.#openRuns.set(id, seq)
    }
    if (marks?.journal) this.#journalPosition = marks.journal
    if (marks || fresh.length > 0) this.#closedInOrder = marks?.closed === true
    if (marks?.checkpoint !== undefined) this.#checkpoint = marks.checkpoint
    const { frontier, tiles } = this.#tree.append(fresh.map(({ leafHash }) => leafHash))
    this.#tree = frontier
    for (const tile of tiles) this.#tiles.set(tilePath(tile.level, tile.index), tile.hashes)
    for (const entry of fresh) {
      for (const { index, value } of postingsOf([entry], this.size)) this.#file(index, value, this.size)
      if (entry.content && entry.content.length > 0) this.#content.set(this.size, entry.content)
      this.#entries.push(entry.bytes)
    }
    return { seqs, size: this.size, firstNew }
  }

  async positionsOf(ids: readonly CallerId[]): Promise<readonly (number | undefined)[]> {
    this.#assertOpen()
    return ids.map((id) => this.#callerIds.get(callerIdText(id)))
  }

  async openRuns(): Promise<readonly number[]> {
    this.#assertOpen()
    return [...this.#openRuns.values()].sort((a, b) => a - b)
  }

  async *entries(walk: Walk): AsyncGenerator<readonly StoredEntry[]> {
    this.#assertOpen()
    const { from, to, reverse } = clampWalk(walk, this.size)
    for (let done = 0; done < to - from; done += CHUNK_LENGTH) {
      this.#assertOpen()
      const length = Math.min(CHUNK_LENGTH, to - from - done)
      yield Array.from({ length }, (_, offset) => {
        const seq = reverse ? to - 1 - done - offset : from + done + offset
        return { seq, bytes: this.#entries[seq] as Uint8Array }
      })
    }
  }

  async read(seqs: readonly number[]): Promise<readonly (Uint8Array | undefined)[]> {
    this.#assertOpen()
    return seqs.map((seq) => this.#entries[seq])
  }

  async content(seqs: readonly number[]): Promise<readonly (readonly SealedContent[])[]> {
    this.#assertOpen()
    return seqs.map((seq) => this.#content.get(seq) ?? [])
  }

  async readTiles(tiles: readonly Tile[]): Promise<readonly (Uint8Array | undefined)[]> {
    this.#assertOpen()
    return tiles.map(({ level, index }) => this.#tiles.get(tilePath(level, index)))
  }

  postings(index: IndexName, value: readonly string[], walk: Walk): SeqCursor {
    const filed = this.#postings.get(postingKey(index, value)) ?? []
    return new ArrayCursor(filed, clampWalk(walk, this.size), () => this.#assertOpen())
  }

  async countPostings(index: IndexName, value: readonly string[], range: SeqRange, limit = Infinity): Promise<number> {
    this.#assertOpen()
    const filed = this.#postings.get(postingKey(index, value)) ?? []
    const count = lowerBound(filed, Math.min(range.to, this.size)) - lowerBound(filed, range.from)
    return Math.min(Math.max(0, count), limit)
  }

  async *firstOfEach(index: IndexName): AsyncGenerator<number> {
    for (const seq of this.#firsts[index].slice()) {
      this.#assertOpen()
      yield seq
    }
    this.#assertOpen()
  }

  async *timeBlocks(level: number, walk: Walk): AsyncGenerator<readonly TimeBlock[]> {
    this.#assertOpen()
    const { from, to, reverse } = clampBlocks(level, walk, this.size)
    const blocks = (this.#timeBlocks[level] as TimeBlock[]).slice(from, to)
    yield reverse ? blocks.reverse() : blocks
  }

  #file(index: IndexName, value: readonly string[], seq: number): void {
    for (let length = 1; length <= value.length; length++) {
      const key = postingKey(index, value.slice(0, length))
      const filed = this.#postings.get(key)
      if (!filed) {
        this.#postings.set(key, [seq])
        if (length === INDEX_ARITY[index]) this.#firsts[index].push(seq)
      } else filed.push(seq)
    }
  }

  #assertOpen(): void {
    if (!this.#open) throw storeClosed(this.location)
  }
}

/** JSON keeps every string apart from every other: it escapes separators, NULs and lone surrogates. */
function postingKey(index: IndexName, parts: readonly string[]): string {
  return index + JSON.stringify(parts)
}
