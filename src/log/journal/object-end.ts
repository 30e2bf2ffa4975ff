const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPENING: ReadonlySet<number> = new Set(Buffer.from('{['))
const CLOSING: ReadonlySet<number> = new Set(Buffer.from('}]'))

/** Returns the end of the JSON object that bytes begin with; `undefined` where it does not end. */
export function objectEnd(bytes: Uint8Array): number | undefined {
  let depth = 0
  let isInText = false
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number
    if (isInText) {
      if (byte === BACKSLASH) at++
      else if (byte === QUOTE) isInText = false
    } else if (byte === QUOTE) isInText = true
    else if (OPENING.has(byte)) depth++
    else if (CLOSING.has(byte) && --depth === 0) return at + 1
  }
  return undefined
}
