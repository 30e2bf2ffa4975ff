import type { StoredEvent } from '../../events/types.js'

// Bytes that are no UTF-8 are damage, not replacement characters.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** An entry that holds no event; the message says what it does not hold. */
export class NoEvent extends Error {}

/** Returns the event of an entry, with its position. @throws NoEvent when the bytes are no JSON object */
export function eventOfEntry(seq: number, bytes: Uint8Array): StoredEvent {
  let event: unknown
  try {
    // Attacker-controlled: models, tools and users choose what is in an event, and anybody who can write the files the whole entry.
    event = JSON.parse(utf8.decode(bytes))
  } catch (cause) {
    throw new NoEvent('does not hold the JSON of an event', { cause })
  }
  if (typeof event !== 'object' || event === null || Array.isArray(event)) {
    throw new NoEvent('does not hold a JSON object')
  }
  const read = event as { seq: number }
  read.seq = seq
  return read as StoredEvent
}
