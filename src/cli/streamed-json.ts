/** An object some of whose members are lists that are read while they are written, or hold such objects. */
export class StreamedObject {
  readonly members: readonly (readonly [name: string, value: unknown])[]

  constructor(members: readonly (readonly [name: string, value: unknown])[]) {
    this.members = members
  }
}

/**
 * Writes a value as `JSON.stringify` does, piece by piece. A list may be an `AsyncIterable`; an object that has one in it
 * is a {@link StreamedObject}.
 *
 * @param indent - spaces by which members are indented; 0 for all in one line
 */
export async function* streamedJson(value: unknown, indent: number, depth = 0): AsyncGenerator<string> {
  const breakAt = (level: number) => (indent === 0 ? '' : `\n${' '.repeat(indent * level)}`)
  if (value instanceof StreamedObject) {
    let lead = '{'
    for (const [name, member] of value.members) {
      yield `${lead}${breakAt(depth + 1)}${JSON.stringify(name)}:${indent === 0 ? '' : ' '}`
      yield* streamedJson(member, indent, depth + 1)
      lead = ','
    }
    yield lead === '{' ? '{}' : `${breakAt(depth)}}`
  } else if (isStreamedList(value)) {
    let lead = '['
    for await (const item of value) {
      yield `${lead}${breakAt(depth + 1)}`
      yield* streamedJson(item, indent, depth + 1)
      lead = ','
    }
    yield lead === '[' ? '[]' : `${breakAt(depth)}]`
  } else {
    // Line breaks stand between values alone.
    yield JSON.stringify(value, null, indent).replaceAll('\n', breakAt(depth))
  }
}

function isStreamedList(value: unknown): value is AsyncIterable<unknown> | readonly unknown[] {
  if (Array.isArray(value)) return value.some((item) => item instanceof StreamedObject)
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value
}
