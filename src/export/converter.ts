import type { StoredEvent } from '../events/types.js'
import type { ContentChoice } from '../reader/content/choice.js'
import { putContentBack } from '../reader/content/put-back.js'
import { eventOfEntry, NoEvent } from '../reader/query/event-of-entry.js'
import type { TextEncoding } from './contract.js'
import type { EntryGroup } from './entry-groups.js'
import { ParquetFile } from './parquet.js'
import type { ResolvedEncoding } from './resolve-encoding.js'
import { textEncoding } from './text-encoding.js'

/** The part of a file that a group of entries became, or the first position that holds no event. Plain. */
export type Converted = { readonly bytes: Uint8Array<ArrayBuffer> } | { readonly unreadable: number }

/** Converts groups of entries into the parts of a file. Where the format has a state, all groups go through one of them. */
export interface Converter {
  convert(group: EntryGroup): Promise<Converted>
  /** Returns the end of the file. */
  end(): Promise<Uint8Array<ArrayBuffer>>
}

export function converterFor(encoding: ResolvedEncoding): Converter {
  return encoding.format === 'parquet' ? new ParquetConverter(encoding) : new TextConverter(encoding)
}

/** Tells whether groups can be converted independently, by several converters. */
export function isConvertedInParallel({ format }: ResolvedEncoding): boolean {
  return format !== 'parquet'
}

/** Holds nothing back from one group to the next. */
class TextConverter implements Converter {
  readonly #encoding: TextEncoding
  readonly #content: ContentChoice

  constructor(encoding: ResolvedEncoding) {
    this.#encoding = textEncoding(encoding)
    this.#content = encoding.content
  }

  async convert(group: EntryGroup): Promise<Converted> {
    let text = ''
    const unreadable = eachEvent(group, this.#content, (event, entry) => {
      text += this.#encoding.next(event, entry)
    })
    if (unreadable !== undefined) return { unreadable }
    text += this.#encoding.end?.() ?? ''
    return { bytes: new TextEncoder().encode(text) }
  }

  async end(): Promise<Uint8Array<ArrayBuffer>> {
    return new Uint8Array()
  }
}

class ParquetConverter implements Converter {
  readonly #content: ContentChoice
  #file: ParquetFile | undefined

  constructor({ content }: ResolvedEncoding) {
    this.#content = content
  }

  async convert(group: EntryGroup): Promise<Converted> {
    this.#file ??= await ParquetFile.begin(this.#content)
    const events: StoredEvent[] = []
    const unreadable = eachEvent(group, this.#content, (event) => events.push(event))
    if (unreadable !== undefined) return { unreadable }
    const parts: Uint8Array[] = []
    for (const event of events) if (this.#file.add(event)) parts.push(await this.#file.writeRows())
    return { bytes: new Uint8Array(Buffer.concat(parts)) }
  }

  async end(): Promise<Uint8Array<ArrayBuffer>> {
    this.#file ??= await ParquetFile.begin(this.#content)
    return new Uint8Array(await this.#file.end())
  }
}

/** @returns the first position that holds no event, behind which none was read */
function eachEvent(
  { seqs, ends, bytes, logs, content }: EntryGroup,
  choice: ContentChoice,
  take: (event: StoredEvent, entry: Uint8Array) => void,
): number | undefined {
  let from = 0
  for (const [at, end] of ends.entries()) {
    const seq = seqs[at] as number
    const entry = bytes.subarray(from, end)
    let event: StoredEvent
    try {
      event = eventOfEntry(seq, entry)
      if (content) putContentBack(event, content[at] ?? [], choice)
      if (logs) event = Object.assign(event, { log: logs[at] })
    } catch (error) {
      if (error instanceof NoEvent) return seq
      throw error
    }
    take(event, entry)
    from = end
  }
  return undefined
}
