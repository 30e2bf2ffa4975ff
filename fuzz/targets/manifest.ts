import { AuditLogError } from '../../src/events/errors.js'
import { parseManifest } from '../../src/store/leveldb/manifest.js'
import { claim, parsed, same } from '../support/oracle.js'

/*
 * LevelDB's MANIFEST.
 *
 * Oracles: what it names are numbers that files can have, no more of them than there are bytes; the same bytes always say
 * the same; what is no edit is a RangeError, which the caller makes `AUDIT_LOG_CORRUPT` of.
 */
export function fuzz(bytes: Buffer): void {
  const manifest = parsed(isRefusal, () => parseManifest(bytes))
  if (!manifest) return
  const numbers = [...manifest.tables.keys(), manifest.firstLog]
  claim(numbers.length <= bytes.length + 1, 'there are more tables than bytes')
  claim(
    numbers.every((number) => Number.isSafeInteger(number) && number >= 0),
    'a file has a number that no file can have',
  )
  same(parseManifest(Buffer.from(bytes)), manifest, 'the same manifest says something else')
}

function isRefusal(error: unknown): boolean {
  return error instanceof RangeError || error instanceof AuditLogError
}

/** `leveldb.BytewiseComparator`, log 3, next file 5, last sequence 9, a table 4 of 1,000 bytes from `a` to `z`. */
export function seeds(): Buffer[] {
  const comparator = Buffer.from('leveldb.BytewiseComparator')
  const begin = Buffer.from([1, comparator.length, ...comparator, 2, 3, 3, 5, 4, 9])
  const add = Buffer.from([7, 0, 4, 0xe8, 0x07, 1, 0x61, 1, 0x7a])
  const remove = Buffer.from([6, 0, 4, 5, 1, 1, 0x61, 9, 0])
  return [
    record(1, begin),
    Buffer.concat([record(1, begin), record(1, add)]),
    Buffer.concat([record(1, begin), record(1, add), record(1, remove)]),
    Buffer.concat([record(2, begin.subarray(0, 9)), record(3, begin.subarray(9, 20)), record(4, begin.subarray(20))]),
  ]
}

/** One part of a LevelDB log; the checksum is left to LevelDB. */
function record(kind: number, content: Uint8Array): Buffer {
  const head = Buffer.alloc(7)
  head.writeUInt16LE(content.length, 4)
  head[6] = kind
  return Buffer.concat([head, content])
}
