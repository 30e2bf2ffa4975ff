import { MAX_CONTENT_BYTES, MAX_SEALED_BYTES, type SealedContent } from '../../store/contract.js'
import { maskedChecksum } from '../../store/crc32c.js'

/*
 * Content items of an entry, behind its bytes in the same record:
 *
 *   │ length 4 │ CRC-32C 4 │ item │ item │ …          item = │ length 2 │ field │ length 4 │ sealed bytes │
 *
 * The length and the checksum are those of the items.
 */

const HEAD_BYTES = 8
const FIELD_LENGTH_BYTES = 2
const ITEM_LENGTH_BYTES = 4
/** Bytes that fields and lengths of one entry's items take at most. */
const MAX_FRAME_BYTES = 64 * 1024

/** Bytes of the largest section. */
export const MAX_SECTION_BYTES: number = HEAD_BYTES + MAX_CONTENT_BYTES + MAX_SEALED_BYTES + MAX_FRAME_BYTES

/** Bytes that the content of an entry takes in a record: none where it has none. */
export function sectionBytes(content: readonly SealedContent[] | undefined): number {
  if (content === undefined || content.length === 0) return 0
  let length = HEAD_BYTES
  for (const { field, bytes } of content) {
    length += FIELD_LENGTH_BYTES + Buffer.byteLength(field) + ITEM_LENGTH_BYTES + bytes.length
  }
  return length
}

/** Writes the section of an entry's content. */
export function writeSection(content: readonly SealedContent[], target: Buffer, at: number): void {
  const start = at + HEAD_BYTES
  let end = start
  for (const { field, bytes } of content) {
    const length = target.write(field, end + FIELD_LENGTH_BYTES, 'utf8')
    target.writeUInt16BE(length, end)
    end += FIELD_LENGTH_BYTES + length
    target.writeUInt32BE(bytes.length, end)
    target.set(bytes, end + ITEM_LENGTH_BYTES)
    end += ITEM_LENGTH_BYTES + bytes.length
  }
  target.writeUInt32BE(end - start, at)
  target.writeUInt32BE(maskedChecksum(target.subarray(start, end)), at + 4)
}

/** Position behind the section that begins there; past the end of the memory where that is cut short, `undefined` where there is none. */
export function sectionEnd(memory: Buffer, at: number): number | undefined {
  if (at + 4 > memory.length) return memory.length + 1
  const length = memory.readUInt32BE(at)
  return length > 0 && HEAD_BYTES + length <= MAX_SECTION_BYTES ? at + HEAD_BYTES + length : undefined
}

/**
 * Tells whether the bytes from there on, up to the end, can be the beginning of a section that was being written.
 *
 * @param count - items that it has
 */
export function isSectionCutShort(memory: Buffer, at: number, count: number): boolean {
  const end = sectionEnd(memory, at)
  if (end === undefined || end <= memory.length) return false
  // All items are there, behind a length that is too large: the length was altered.
  return itemsIn(memory.subarray(at + HEAD_BYTES)).content.length < count
}

/** Reads a section; `undefined` where it is damaged. */
export function readSection(memory: Buffer, at: number, end: number): readonly SealedContent[] | undefined {
  // Attacker-controlled: a section of at most MAX_SECTION_BYTES; each length is checked against its end.
  const items = memory.subarray(at + HEAD_BYTES, end)
  if (maskedChecksum(items) !== memory.readUInt32BE(at + 4)) return undefined
  const { content, end: itemsEnd } = itemsIn(items)
  return itemsEnd === items.length ? content : undefined
}

/** Reads the items that memory begins with, up to the first that is not whole. @returns their end as well */
function itemsIn(memory: Buffer): { readonly content: readonly SealedContent[]; readonly end: number } {
  const content: SealedContent[] = []
  let end = 0
  while (end < memory.length) {
    const fieldStart = end + FIELD_LENGTH_BYTES
    if (fieldStart > memory.length) break
    const fieldEnd = fieldStart + memory.readUInt16BE(end)
    const start = fieldEnd + ITEM_LENGTH_BYTES
    if (start > memory.length) break
    const length = memory.readUInt32BE(fieldEnd)
    if (length > MAX_SEALED_BYTES || start + length > memory.length) break
    const bytes = memory.subarray(start, start + length)
    content.push({ field: memory.toString('utf8', fieldStart, fieldEnd), bytes })
    end = start + length
  }
  return { content, end }
}
