import type { ResolvedContent } from '../content/contract.js'
import type { LogEntry } from '../reader/log-entry.js'

/** Bytes of a group's entries, about: enough that handing one to a thread costs nothing to speak of. */
const GROUP_BYTES = 256 * 1024
/** Bytes of content that end a group, whatever it should be a multiple of. */
const MAX_CONTENT_BYTES = 8 * 1024 * 1024

/** Entries that are converted in one go, in a memory of their own. Plain, so that one thread can hand them to another. */
export interface EntryGroup {
  /** Position of each entry. */
  readonly seqs: Float64Array<ArrayBuffer>
  /** Number of the log of each entry, in a ledger of several. */
  readonly logs?: Uint32Array<ArrayBuffer>
  /** The position in {@link bytes} behind each entry; an entry begins where the one before it ends. */
  readonly ends: Uint32Array<ArrayBuffer>
  readonly bytes: Uint8Array<ArrayBuffer>
  /** The content of each entry, where it is exported. */
  readonly content?: readonly (readonly ResolvedContent[])[]
}

/** Gathers entries into groups. @param multiple - the number of entries of each group but the last is a multiple of it */
export async function* entryGroups(
  batches: AsyncIterable<readonly LogEntry[]>,
  multiple: number,
): AsyncGenerator<EntryGroup> {
  let gathered: LogEntry[] = []
  let length = 0
  let content = 0
  for await (const batch of batches) {
    for (const entry of batch) {
      gathered.push(entry)
      length += entry.bytes.length
      content += contentBytes(entry.content)
      const isFull = length + content >= GROUP_BYTES && gathered.length % multiple === 0
      if (!isFull && content < MAX_CONTENT_BYTES) continue
      yield groupOf(gathered, length)
      gathered = []
      length = 0
      content = 0
    }
  }
  if (gathered.length > 0) yield groupOf(gathered, length)
}

/** Returns the memory of a group that can be handed over. */
export function memoryOf({ seqs, ends, bytes, logs }: EntryGroup): readonly ArrayBuffer[] {
  return [seqs.buffer, ends.buffer, bytes.buffer, ...(logs ? [logs.buffer] : [])]
}

/** Returns the bytes that a group holds in memory, about. */
export function bytesHeld({ bytes, content = [] }: EntryGroup): number {
  return content.reduce((sum, items) => sum + contentBytes(items), bytes.length)
}

function contentBytes(content: readonly ResolvedContent[] = []): number {
  return content.reduce((sum, { status, bytes }) => (status === 'readable' ? sum + bytes : sum), 0)
}

function groupOf(entries: readonly LogEntry[], length: number): EntryGroup {
  const seqs = new Float64Array(entries.length)
  const ends = new Uint32Array(entries.length)
  const bytes = new Uint8Array(length)
  const logs = entries[0]?.log === undefined ? undefined : new Uint32Array(entries.length)
  let end = 0
  for (const [at, entry] of entries.entries()) {
    bytes.set(entry.bytes, end)
    end += entry.bytes.length
    seqs[at] = entry.seq
    if (logs) logs[at] = entry.log ?? 0
    ends[at] = end
  }
  const hasContent = entries[0]?.content !== undefined
  const content = hasContent ? entries.map((entry) => entry.content ?? []) : undefined
  return { seqs, ends, bytes, ...(logs && { logs }), ...(content && { content }) }
}
