import type { Timestamp } from '../../events/time.js'

const FIELD = Buffer.from(',"time":"')
const LENGTH = '2026-11-21T22:35:06.753000000Z'.length
const QUOTE = 0x22
const BRACE = 0x7b

/**
 * The `time` of an entry, read off its bytes without parsing them; `undefined` where it does not stand ahead of all
 * that is nested, as sealing puts it. Within a string no quote follows a comma: it would be escaped.
 */
export function timeOfEntry(entry: Uint8Array): Timestamp | undefined {
  const bytes = Buffer.from(entry.buffer, entry.byteOffset, entry.length)
  const at = bytes.indexOf(FIELD)
  if (at < 0) return undefined
  const start = at + FIELD.length
  const isInEnvelope = bytes.lastIndexOf(BRACE, at) === 0
  return isInEnvelope && bytes[start + LENGTH] === QUOTE ? bytes.toString('latin1', start, start + LENGTH) : undefined
}
