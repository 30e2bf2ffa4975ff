import { AuditLogError } from '../../events/errors.js'
import type { IndexName, SealedContent, SeqCursor, SeqRange, StoredEntry, Walk } from '../../store/contract.js'
import type { ReadableStore } from '../../store/readable.js'
import type { TimeBlock } from '../../store/time-blocks.js'
import { restoreAs } from '../content/restorers.js'
import { readRunEvents } from '../summaries/read-run.js'
import type { RunEvent } from '../summaries/skimmed-event.js'
import { mergeBatches } from './merge-batches.js'
import type { LedgerPosition, LogPart, Moment } from './moment.js'

/** Entries that are read at a time. */
const BATCH = 256

/**
 * The events of the runs of one id that several logs have, as if one log had them and nothing else, in the order of their
 * times:
 *
 *     log 0   ──17──18────────40──▶
 *     log 3   ─────────5──6──────▶      positions here: 0 ─ 1 ─ 2 ─ 3 ─ 4
 *
 * Code that sums up a run of one log, or walks its steps, does so here. It keeps the position in the ledger and the type of each event. The positions at one
 * moment are always the same.
 */
export class MergedRun implements ReadableStore {
  readonly location: string
  readonly id = ''
  readonly root = new Uint8Array(32)
  readonly checkpoint = undefined
  readonly removedEntries = 0
  readonly #runId: string
  readonly #parts: readonly LogPart[]
  /** By position: the log, as it stands among the parts, the position there, and the type. */
  readonly #logs: number[] = []
  readonly #seqs: number[] = []
  readonly #types: string[] = []

  /** @param parts - the logs that have events of the run */
  static async read(moment: Moment, parts: readonly LogPart[], runId: string): Promise<MergedRun> {
    const run = new MergedRun(parts, runId)
    const sources = parts.map(({ store, size }) => readRunEvents(store, runId, { from: 0, to: size, reverse: false }))
    for await (const merged of mergeBatches<RunEvent>(sources, ({ time }) => time, false)) {
      for (const { item, source } of merged) run.#add(item, source)
    }
    restoreAs(run, parts[0]?.store)
    return moment.joined(run)
  }

  private constructor(parts: readonly LogPart[], runId: string) {
    this.location = parts.map(({ store }) => store.location).join(', ')
    this.#parts = parts
    this.#runId = runId
  }

  get size(): number {
    return this.#seqs.length
  }

  /** Returns the log of an event, and its position there. */
  positionOf(position: number): LedgerPosition {
    return { log: this.#partAt(position).log, seq: this.#seqs[position] as number }
  }

  async *entries(walk: Walk): AsyncGenerator<readonly StoredEntry[]> {
    const positions = [...this.#within(walk, () => true)]
    for (let at = 0; at < positions.length; at += BATCH) {
      const batch = positions.slice(at, at + BATCH)
      const read = await this.read(batch)
      yield batch.map((seq, n) => ({ seq, bytes: read[n] ?? this.#missing(seq) }))
    }
  }

  async read(positions: readonly number[]): Promise<readonly (Uint8Array | undefined)[]> {
    return await this.#fromParts(positions, ({ store }, seqs) => store.read(seqs))
  }

  async content(positions: readonly number[]): Promise<readonly (readonly SealedContent[])[]> {
    const found = await this.#fromParts(positions, async ({ store }, seqs) => (await store.content?.(seqs)) ?? [])
    return found.map((items) => items ?? [])
  }

  /** Asks each log for what it has at these positions. */
  async #fromParts<T>(
    positions: readonly number[],
    ask: (part: LogPart, seqs: readonly number[]) => Promise<readonly T[]>,
  ): Promise<readonly (T | undefined)[]> {
    const found: (T | undefined)[] = []
    await Promise.all(
      this.#parts.map(async (log, part) => {
        const own = [...positions.keys()].filter((at) => this.#logs[positions[at] as number] === part)
        const asked = await ask(
          log,
          own.map((at) => this.#seqs[positions[at] as number] as number),
        )
        for (const [n, at] of own.entries()) found[at] = asked[n]
      }),
    )
    return positions.map((_, at) => found[at])
  }

  postings(index: IndexName, [value]: readonly string[], walk: Walk): SeqCursor {
    const positions = this.#within(walk, this.#filter(index, value))
    return {
      next: async () => {
        const chunk: number[] = []
        for (let next = positions.next(); !next.done; next = positions.next()) {
          chunk.push(next.value)
          if (chunk.length === BATCH) break
        }
        return chunk.length > 0 ? chunk : undefined
      },
      close: async () => {},
    }
  }

  async countPostings(
    index: IndexName,
    [value]: readonly string[],
    range: SeqRange,
    limit = Infinity,
  ): Promise<number> {
    let count = 0
    for (const _ of this.#within({ ...range, reverse: false }, this.#filter(index, value))) {
      if (++count > limit) return limit
    }
    return count
  }

  async *firstOfEach(): AsyncGenerator<number> {}

  async *timeBlocks(): AsyncGenerator<readonly TimeBlock[]> {}

  async readTiles(): Promise<readonly undefined[]> {
    return []
  }

  #add({ seq, type }: RunEvent, part: number): void {
    this.#logs.push(part)
    this.#seqs.push(seq)
    this.#types.push(type)
  }

  /** Only the indexes are there that the reading of a run asks. */
  #filter(index: IndexName, value: string | undefined): (position: number) => boolean {
    if (index === 'run') return () => value === this.#runId
    if (index === 'type') return (position) => this.#types[position] === value
    throw new TypeError(`There is no index ${index} of the events of a run`)
  }

  *#within({ from, to, reverse }: Walk, passes: (position: number) => boolean): Generator<number, void, undefined> {
    const end = Math.min(to, this.size)
    for (let n = 0; n < end - from; n++) {
      const position = reverse ? end - 1 - n : from + n
      if (passes(position)) yield position
    }
  }

  #partAt(position: number): LogPart {
    return this.#parts[this.#logs[position] as number] as LogPart
  }

  #missing(position: number): never {
    const { store } = this.#partAt(position)
    const message = `The audit log ${store.location} is corrupt: entry ${this.#seqs[position]} is missing; keep the log as evidence and restore a copy`
    throw new AuditLogError('AUDIT_LOG_CORRUPT', message)
  }
}
