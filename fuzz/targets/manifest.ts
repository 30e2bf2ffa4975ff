import { encodeLog } from '../../src/store/leveldb/log-records.js'
import { encodeManifest, type Manifest, parseManifest } from '../../src/store/leveldb/manifest.js'
import { claim, parsed, same } from '../support/oracle.js'
import { joinParts, splitParts } from '../support/target.js'

/*
 * LevelDB's MANIFEST: as it is, and as a log of edits whose checksums are right, which no fuzzer finds.
 *
 * Oracles: what it names are numbers that files can have, and no more tables than there are bytes; what is written again
 * says the same; what is no edit is a RangeError, which the caller makes `AUDIT_LOG_CORRUPT` of.
 */
export function fuzz(bytes: Buffer): void {
  check(bytes)
  check(encodeLog(splitParts(bytes)))
}

function check(bytes: Buffer): void {
  const manifest = parsed(isRefusal, () => parseManifest(bytes))
  if (!manifest) return
  const { tables, firstLog, previousLog, nextFile, lastSequence } = manifest
  const numbers = [firstLog, previousLog, nextFile, lastSequence, ...tables.map(({ number }) => number)]
  claim(tables.length <= bytes.length, 'there are more tables than bytes')
  claim(
    numbers.every((number) => Number.isSafeInteger(number) && number >= 0),
    'a file has a number that no file can have',
  )
  same(parseManifest(encodeManifest(manifest)), manifest, 'what is written again says something else')
}

function isRefusal(error: unknown): boolean {
  return error instanceof RangeError
}

/** A database of two tables that was written to, as edits and as LevelDB has it. */
export function seeds(): Buffer[] {
  const key = (name: string) => Buffer.concat([Buffer.from(name), Buffer.from([1, 9, 0, 0, 0, 0, 0, 0])])
  const table = (number: number, level: number, first: string, last: string) => {
    return { number, level, bytes: 1000, smallest: key(first), largest: key(last) }
  }
  const manifest: Manifest = {
    tables: [table(4, 0, 'a', 'z'), table(5, 2, 'a', 'm'), table(6, 2, 'n', 'z')],
    firstLog: 3,
    previousLog: 0,
    nextFile: 7,
    lastSequence: 9,
  }
  const whole = encodeManifest(manifest)
  // The header of its one part has 7 bytes.
  const edit = whole.subarray(7)
  return [whole, joinParts([edit]), joinParts([edit, Buffer.from([6, 0, 4, 2, 8, 4, 9])])]
}
