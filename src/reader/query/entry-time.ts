import type { Timestamp } from '../../events/time.js'

const { latin1Slice } = Buffer.prototype

const FIELD = ',"time":"'
const LENGTH = '2026-11-21T22:35:06.753000000Z'.length
/** Bytes within which the `time` of an entry stands whose id and type are not uncommonly long. */
const SEARCHED = 320

/**
 * The `time` of an entry, read off its first bytes without parsing them; `undefined` where it does not stand there, ahead of all
 * that is nested, as sealing puts it. Within a string no quote follows a comma: it would be escaped.
 */
export function timeOfEntry(entry: Uint8Array): Timestamp | undefined {
  // Attacker-controlled: the entry may be any bytes; a bounded part of it is searched.
  const text = latin1Slice.call(entry, 0, Math.min(entry.length, SEARCHED))
  const at = text.indexOf(FIELD)
  if (at < 0) return undefined
  const start = at + FIELD.length
  const nested = text.indexOf('{', 1)
  const isInEnvelope = text[0] === '{' && (nested < 0 || nested > at)
  return isInEnvelope && text[start + LENGTH] === '"' ? text.slice(start, start + LENGTH) : undefined
}
