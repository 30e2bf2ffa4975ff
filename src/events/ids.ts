import { createHash } from 'node:crypto'
import { beginning } from './text.js'

/** UTF-16 code units of the longest id that is stored as it is. */
export const MAX_ID_LENGTH = 1024
/** An id of up to this length is stored as it is even if JSON has to escape every unit of it. */
export const PLAIN_ID_LENGTH = MAX_ID_LENGTH / 2
/** UTF-8 bytes in JSON, quotes included, of the longest id: what {@link MAX_ID_LENGTH} units of any script take, escapes apart. */
const MAX_ID_BYTES = 3 * MAX_ID_LENGTH + 2
const DIGEST_LENGTH = 32

/** A longer id is remembered, as hashing one of megabytes takes milliseconds, and it mostly comes again. */
const REMEMBERED_ID_LENGTH = 64 * 1024
const MAX_REMEMBERED_IDS = 4
/** UTF-16 code units of all ids that are remembered. */
const MAX_REMEMBERED_LENGTH = 16 * 1024 * 1024
/** Stored forms by id, the one used last at the end. */
const remembered = new Map<string, string>()

/**
 * The form in which an id (tenant, session, run, call …) is stored and looked up: the id itself, unless it is longer
 * than {@link MAX_ID_LENGTH} (half of that when it is mostly control characters) or not well-formed Unicode. Such a one
 * keeps its beginning and gets `~` and 128 bits of a digest of the whole, so that ids that differ stay different.
 *
 * Attacker-controlled: ids of any length, from telemetry and queries; the stored form bounds them.
 */
export function storedId(id: string): string {
  if (id.length > REMEMBERED_ID_LENGTH) return rememberedForm(id)
  if (id.isWellFormed() && (id.length <= PLAIN_ID_LENGTH || fits(id))) return id
  return shortened(id)
}

function shortened(id: string): string {
  const digest = createHash('sha256').update(id, 'utf16le').digest('hex').slice(0, DIGEST_LENGTH)
  return `${beginning(id, PLAIN_ID_LENGTH - DIGEST_LENGTH - 1).toWellFormed()}~${digest}`
}

function fits(id: string): boolean {
  return id.length <= MAX_ID_LENGTH && Buffer.byteLength(JSON.stringify(id)) <= MAX_ID_BYTES
}

function rememberedForm(id: string): string {
  const stored = remembered.get(id) ?? shortened(id)
  if (id.length > MAX_REMEMBERED_LENGTH) return stored
  remembered.delete(id)
  remembered.set(id, stored)
  let length = 0
  for (const each of remembered.keys()) length += each.length
  for (const oldest of remembered.keys()) {
    if (remembered.size <= MAX_REMEMBERED_IDS && length <= MAX_REMEMBERED_LENGTH) break
    remembered.delete(oldest)
    length -= oldest.length
  }
  return stored
}
