import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { throwIfInterrupted } from './interrupted.js'
import { streamedJson } from './streamed-json.js'
import { printableJson } from './text.js'

/** The surroundings of a command: its streams, environment, clock and signal. */
export interface Io {
  readonly out: Writable & { readonly isTTY?: boolean }
  readonly err: Writable & { readonly isTTY?: boolean }
  readonly input: Readable
  readonly env: Readonly<Record<string, string | undefined>>
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number
  /** Aborted when the user has had enough; its reason is the exit code that a process so ended has. */
  readonly signal: AbortSignal
  /** The process that waits for this one, if there is one. */
  readonly watcher?: Watcher
}

/** Observes what a process does, so that a verdict differs from a crash: see `isolated-process`. */
export interface Watcher {
  /** From now on LevelDB reads the files of this log. */
  reads(directory: string): void
  /** The exit code stands, whatever becomes of the output. */
  concludes(exitCode: number): void
}

export type Colour = 'red' | 'green' | 'yellow' | 'cyan' | 'grey' | 'bold'
export type Paint = (colour: Colour, text: string) => string

const CODES: Readonly<Record<Colour, number>> = { red: 31, green: 32, yellow: 33, cyan: 36, grey: 90, bold: 1 }

/** Colours, where they are seen and wanted (https://no-color.org). */
export function paintFor({ out, env }: Io): Paint {
  const isColoured = out.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb'
  return isColoured ? (colour, text) => `\u001b[${CODES[colour]}m${text}\u001b[0m` : (_, text) => text
}

/** Writes no faster than it is read. */
export async function write(out: Writable, chunk: string | Uint8Array): Promise<void> {
  if (!out.write(chunk)) await once(out, 'drain')
}

function json(value: unknown, indent = 0): string {
  return printableJson(JSON.stringify(value, null, indent))
}

export type Format = 'text' | 'json' | 'jsonl'

/** Prints a list in the format asked for, as it comes. */
export async function printAll<T>(
  io: Io,
  format: Format,
  items: AsyncIterable<T>,
  line: (item: T) => string,
): Promise<void> {
  const { out } = io
  let count = 0
  for await (const item of items) {
    throwIfInterrupted(io)
    const lead = count++ === 0 ? '[\n' : ',\n'
    if (format === 'json') await write(out, `${lead}${json(item)}`)
    else await write(out, `${format === 'jsonl' ? json(item) : line(item)}\n`)
  }
  if (format === 'json') await write(out, count === 0 ? '[]\n' : '\n]\n')
}

/** Gives what lists have, one after the other. */
export async function* chained<T>(...lists: readonly (AsyncIterable<T> | Iterable<T>)[]): AsyncGenerator<T> {
  for (const list of lists) yield* list
}

/** Gives the first items of a list. @param limit - at least 1 */
export async function* limited<T>(items: AsyncIterable<T>, limit: number): AsyncGenerator<T> {
  let left = limit
  for await (const item of items) {
    yield item
    if (--left === 0) return
  }
}

/** Prints one thing in the format asked for, piece by piece. @param lines - of the text */
export async function printStreamed(
  io: Io,
  format: Format,
  value: unknown,
  lines: () => AsyncIterable<string>,
): Promise<void> {
  if (format === 'text') {
    for await (const line of lines()) {
      throwIfInterrupted(io)
      await write(io.out, `${line}\n`)
    }
    return
  }
  for await (const piece of streamedJson(value, format === 'json' ? 2 : 0)) {
    throwIfInterrupted(io)
    await write(io.out, printableJson(piece))
  }
  await write(io.out, '\n')
}

/** Prints one thing in the format asked for. */
export async function printOne(io: Io, format: Format, value: object, text: () => string): Promise<void> {
  const printed = format === 'text' ? text() : json(value, format === 'json' ? 2 : 0)
  await write(io.out, `${printed}\n`)
}
