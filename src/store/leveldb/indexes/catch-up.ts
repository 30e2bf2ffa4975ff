import { endOfTurn } from '../../../timers/real-timers.js'
import { decodeEntry } from '../../decode-entry.js'
import { filedEvent } from '../../filed-event.js'
import { decodeWithRun } from '../../runs/decode-run.js'
import type { Block } from '../entries/block.js'
import type { FollowedLog } from '../followed-log.js'
import type { IndexDatabase } from './database.js'
import { type IndexedEntry, IndexTail, isFull, MAX_TAIL_ENTRIES } from './tail.js'

/** A log whose index lags by no more than this is caught up with while it is opened. */
export const MAX_SMALL_LAG: number = 8 * MAX_TAIL_ENTRIES
/** Blocks that are taken in before others get their turn. */
const BLOCKS_AT_ONCE = 16

/** Options of a {@link CatchUp}. */
export interface CatchUpOptions {
  /** Receives the number of entries that the database covers, each time it took some in that it lacked. */
  readonly onTakenIn?: (covered: number) => void
}

/** A group that was committed. */
export interface AddedGroup {
  readonly entries: readonly IndexedEntry[]
  readonly bytes: number
  /** Of the tree behind it. */
  readonly root: Uint8Array
}

/**
 * One pass over the entries that a database of an index lacks, while others may commit:
 *
 * ```
 *  0               covered                        from              size
 *  ├── database ─────┼── read in blocks, written ───┼── added groups ─┤
 * ```
 */
export class CatchUp {
  readonly #database: IndexDatabase
  readonly #log: () => FollowedLog
  readonly #options: CatchUpOptions
  /** The groups that are committed meanwhile, once the pass is near the end. */
  #added: { readonly from: number; readonly groups: AddedGroup[] } | undefined
  #isStopped = false

  /** @param log - as it is now, each time it is asked */
  constructor(database: IndexDatabase, log: () => FollowedLog, options: CatchUpOptions) {
    this.#database = database
    this.#log = log
    this.#options = options
  }

  /** Takes a group that was committed during the pass. Far from the end it is left to be read. */
  add(group: AddedGroup): void {
    this.#added?.groups.push(group)
  }

  /** Ends the pass early. */
  stop(): void {
    this.#isStopped = true
  }

  /**
   * Reads what the database lacks, and writes all of it but the end.
   *
   * @param finished - called with the end and the root of the tree behind it, unless the pass was stopped. From then on groups
   * are to be added to that end: nothing is awaited between the last group and this call, so that none is lost
   * @throws what reading the entries or writing the database throws
   */
  async run(finished: (tail: IndexTail, root: Uint8Array) => void): Promise<void> {
    let tail = new IndexTail(this.#database.covered, await this.#database.lastTimeBlocks())
    for (;;) {
      const { size } = this.#log()
      if (size - tail.to <= MAX_SMALL_LAG && !this.#added) this.#added = { from: size, groups: [] }
      const end = this.#added?.from ?? size
      if (tail.to >= end) break
      for await (const blocks of this.#log().blocks({ from: tail.to, to: end, reverse: false })) {
        if (this.#isStopped) return
        for (const [at, block] of blocks.entries()) {
          addBlock(tail, block, end)
          if (isFull(tail)) tail = await this.#written(tail)
          else if (at % BLOCKS_AT_ONCE === BLOCKS_AT_ONCE - 1) await endOfTurn()
        }
      }
    }
    let root = await this.#log().rootAt(tail.to)
    for (const group of this.#added?.groups ?? []) {
      tail.add(group.entries, group.bytes)
      root = group.root
    }
    finished(tail, root)
  }

  async #written(tail: IndexTail): Promise<IndexTail> {
    await this.#database.write(tail, await this.#log().rootAt(tail.to))
    this.#options.onTakenIn?.(tail.to)
    return new IndexTail(tail.to, tail.lastTimeBlocks)
  }
}

/** Takes in the slots of a block that follow what a tail has. */
function addBlock(tail: IndexTail, block: Block, end: number): void {
  const entries: (IndexedEntry | undefined)[] = []
  let bytes = 0
  for (let seq = tail.to; seq < Math.min(block.end, end); seq++) {
    const entry = block.entry(seq)
    const idDigest = entry ? undefined : block.removed(seq)?.idDigest
    if (idDigest) tail.addRemovedId(idDigest, seq)
    bytes += entry?.length ?? 0
    entries.push(entry && indexedEntry(entry, block.hasCallerId(seq)))
  }
  tail.add(entries, bytes)
}

/** Returns what an entry files; nothing for one that is no event. Reading it, and `verify`, tell of such an entry. */
function indexedEntry(bytes: Uint8Array, callerId: boolean): IndexedEntry | undefined {
  if (!callerId) {
    const event = decodeWithRun(bytes)
    return event && { event, callerId }
  }
  const event = decodeEntry(bytes)
  return event && { event: filedEvent(event), callerId }
}
