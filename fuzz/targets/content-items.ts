import { itemHead } from '../../src/content/item.js'
import { DerivedSubjectKey } from '../../src/content/subject-key.js'
import { readSection, sectionBytes, sectionEnd, writeSection } from '../../src/log/journal/content-section.js'
import { maskedChecksum } from '../../src/store/crc32c.js'
import { claim, coded, parsed, same } from '../support/oracle.js'

/*
 * Content as a disk has it: a sealed item, and the section of a journal record that holds the items of an entry. As a section, the input is read
 * as it is, and once more behind a length and a checksum that fit it.
 *
 * Oracles: nothing but what was sealed can be opened; an item that opens nowhere is `AUDIT_CONTENT_UNREADABLE`; a section that is read is
 * written again as the same bytes, and its items lie within it.
 */
const key = new DerivedSubjectKey('00112233445566778899aabbccddeeff', Buffer.alloc(32, 7))
const binding = { recordedIn: 'example.com/audit', leafHash: Buffer.alloc(32, 1), field: 'data.result' }
const VALUE = { bytes: Buffer.from('{"city":"Bern"}'), kind: 'json' } as const
const HEAD_BYTES = 8

export function fuzz(bytes: Buffer): void {
  readItem(bytes)
  readSectionOf(bytes)
  const head = Buffer.alloc(HEAD_BYTES)
  head.writeUInt32BE(bytes.length, 0)
  head.writeUInt32BE(maskedChecksum(bytes), 4)
  readSectionOf(Buffer.concat([head, bytes]))
}

function readItem(bytes: Buffer): void {
  const head = itemHead(bytes)
  const opened = parsed(coded('AUDIT_CONTENT_UNREADABLE'), () => key.open(bytes, binding))
  if (!opened) return
  // Only what was sealed with the key can be opened: the seed is the one item of it that the fuzzer has.
  claim(head?.keyId === key.id && head.recordedIn === binding.recordedIn, 'an item opens whose head does not say so')
  same(opened.bytes, VALUE.bytes, 'something was opened that nobody sealed')
}

function readSectionOf(memory: Buffer): void {
  const end = sectionEnd(memory, 0)
  if (end === undefined || end > memory.length) return
  const content = readSection(memory, 0, end)
  if (!content) return
  claim(content.length > 0, 'a section holds nothing')
  // A field that is no UTF-8 is read as something else.
  if (content.some(({ field }) => field.includes('\ufffd'))) return
  const written = Buffer.alloc(sectionBytes(content))
  writeSection(content, written, 0)
  same(written, memory.subarray(0, end), 'a section is written in another form')
}

export function seeds(): Buffer[] {
  // The same bytes each time: a sealed item has a nonce of its own.
  const sealed = Buffer.from(key.seal(VALUE, binding))
  const content = [
    { field: 'data.arguments', bytes: sealed },
    { field: 'data.error.message', bytes: sealed },
  ]
  const section = Buffer.alloc(sectionBytes(content))
  writeSection(content, section, 0)
  const altered = Buffer.from(sealed)
  altered[altered.length - 1] = (altered.at(-1) as number) ^ 1
  return [sealed, altered, sealed.subarray(0, 40), section, section.subarray(HEAD_BYTES), section.subarray(0, -9)]
}
