import { availableParallelism } from 'node:os'
import type { LogEntry } from '../reader/log-entry.js'
import { type Converted, type Converter, converterFor, isConvertedInParallel } from './converter.js'
import { ConvertingThreads, exportThreadFile } from './converting-threads.js'
import { bytesHeld, type EntryGroup, entryGroups } from './entry-groups.js'
import type { ResolvedEncoding } from './resolve-encoding.js'
import { textEncoding } from './text-encoding.js'

/** Less than this is converted before a thread would have started. */
const MIN_THREADED_BYTES = 4 * 1024 * 1024
/** Groups under way for each thread: one is converted, the next waits. */
const AHEAD = 2
/** Bytes of groups under way at most, unless a single one has more. */
const MAX_HELD_BYTES = 16 * 1024 * 1024

/** A part of a file, which may be empty, and the positions of the entries that it is of. */
export interface ConvertedChunk {
  readonly bytes: Uint8Array
  readonly seqs: ArrayLike<number>
  /** The logs of these entries, in a ledger of several. */
  readonly logs?: ArrayLike<number> | undefined
}

/** The entries to convert. */
export interface Conversion {
  readonly batches: AsyncIterable<readonly LogEntry[]>
  readonly encoding: ResolvedEncoding
  /** Threads to use; `undefined` for as many as there are cores, once that is worth it. */
  readonly threads: number | undefined
  /** Throws what a reader says of an entry that holds no event. */
  readonly refuse: (seq: number) => Promise<never>
}

/** Converts entries into a file of another format, on several threads: the parts of the file in their order. */
export async function* convertedChunks({
  batches,
  encoding,
  threads,
  refuse,
}: Conversion): AsyncGenerator<ConvertedChunk> {
  const multiple = encoding.format === 'otlp' ? encoding.recordsPerRequest : 1
  const groups = new HeldGroups(entryGroups(batches, multiple))
  const file = exportThreadFile()
  const count = file ? await threadCount(groups, threads) : 1
  const others =
    file && count > 1 ? new ConvertingThreads(file, encoding, isConvertedInParallel(encoding) ? count : 1) : undefined
  const converter = others ?? converterFor(encoding)
  let head = headOf(encoding)
  let isDone = false
  try {
    for await (const { converted, seqs, logs } of inOrder(groups, converter, others ? count * AHEAD : 1)) {
      if ('unreadable' in converted) return await refuse(converted.unreadable)
      yield { bytes: behind(head, converted.bytes), seqs, logs }
      head = undefined
    }
    yield { bytes: behind(head, await converter.end()), seqs: [] }
    isDone = true
  } finally {
    await groups.return()
    await others?.close(isDone)
  }
}

function headOf(encoding: ResolvedEncoding): string | undefined {
  return encoding.format === 'parquet' ? undefined : textEncoding(encoding).head
}

function behind(head: string | undefined, bytes: Uint8Array): Uint8Array {
  return head === undefined ? bytes : Buffer.concat([Buffer.from(head), bytes])
}

async function threadCount(groups: HeldGroups, asked: number | undefined): Promise<number> {
  const count = asked ?? availableParallelism()
  if (count === 1) return 1
  return asked !== undefined || (await groups.hold(MIN_THREADED_BYTES)) ? count : 1
}

interface InOrder {
  readonly converted: Converted
  readonly seqs: ArrayLike<number>
  readonly logs: ArrayLike<number> | undefined
}

/** Has as many groups converted at a time as are given. */
async function* inOrder(groups: HeldGroups, converter: Converter, ahead: number): AsyncGenerator<InOrder> {
  const running: { readonly length: number; readonly converted: Promise<InOrder> }[] = []
  let held = 0
  for (;;) {
    while (running.length < ahead && (held < MAX_HELD_BYTES || running.length === 0)) {
      const group = await groups.next()
      if (!group) break
      const length = bytesHeld(group)
      // The group's own memory goes to another thread.
      const seqs = group.seqs.slice()
      const logs = group.logs?.slice()
      const converted = converter.convert(group).then((part) => ({ converted: part, seqs, logs }))
      // It is awaited in its turn.
      converted.catch(() => undefined)
      running.push({ length, converted })
      held += length
    }
    const first = running.shift()
    if (!first) return
    held -= first.length
    yield await first.converted
  }
}

/** Groups of which the first can be read before they are needed. */
class HeldGroups {
  readonly #groups: AsyncGenerator<EntryGroup>
  readonly #held: EntryGroup[] = []

  constructor(groups: AsyncGenerator<EntryGroup>) {
    this.#groups = groups
  }

  /** Reads until so many bytes are held. @returns whether there are as many */
  async hold(bytes: number): Promise<boolean> {
    for (let held = 0; held < bytes; ) {
      const group = await this.#read()
      if (!group) return false
      this.#held.push(group)
      held += bytesHeld(group)
    }
    return true
  }

  async next(): Promise<EntryGroup | undefined> {
    return this.#held.shift() ?? (await this.#read())
  }

  async return(): Promise<void> {
    await this.#groups.return(undefined)
  }

  async #read(): Promise<EntryGroup | undefined> {
    const { done, value } = await this.#groups.next()
    return done === true ? undefined : value
  }
}
