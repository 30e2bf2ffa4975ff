import { AuditLogError } from '../../src/events/errors.js'
import {
  isPostingOf,
  postingKey,
  postingPrefix,
  readSeq,
  seqOfKey,
  valueKeyOf,
  writeSeq,
} from '../../src/store/keys.js'
import { decodeTimeBlock, encodeTimeBlock } from '../../src/store/leveldb/head.js'
import { decodePosting, encodePosting, postingSpan } from '../../src/store/posting-value.js'
import { claim, coded, parsed, same } from '../support/oracle.js'

/*
 * Values of a database's indexes: postings and time blocks. An input is a position of 8 bytes and a value.
 *
 * Oracles: the positions of a posting ascend from its first to its last, and there are as many as it says. Encoded
 * again, they give an equal value. Decoding takes memory in proportion to the bytes that are there. A value that cannot
 * be decoded throws a RangeError, which readers turn into `AUDIT_LOG_CORRUPT`. A key gives back what it was built from.
 */
export function fuzz(bytes: Buffer): void {
  const value = bytes.subarray(8)
  const last = bytes.length < 8 ? 0 : readSeq(bytes, 0)
  readPosting(last, value)
  readTimeBlock(value)
  readKey(last, value.toString('utf16le'))
}

function readPosting(last: number, value: Buffer): void {
  const isRefusal = (error: unknown) => error instanceof RangeError || error instanceof AuditLogError
  const span = parsed(isRefusal, () => postingSpan(last, value))
  const seqs = parsed(isRefusal, () => decodePosting(last, value))
  if (!seqs) return
  claim(span !== undefined, 'a posting has positions and no span')
  const { count, first } = span
  claim(seqs.length === count && count >= 1, 'a posting has not as many positions as it says')
  claim(seqs[0] === first && seqs.at(-1) === last, 'a posting does not span what it says')
  claim(
    seqs.every((seq, at) => Number.isSafeInteger(seq) && seq >= 0 && (at === 0 || seq > (seqs[at - 1] as number))),
    'the positions of a posting do not ascend',
  )
  same(decodePosting(last, encodePosting(seqs)), seqs, 'the positions of a posting are encoded as others')
}

function readTimeBlock(value: Buffer): void {
  const block = parsed(coded('AUDIT_LOG_CORRUPT'), () => decodeTimeBlock(0, 1, value, 'fuzz'))
  if (block) same(encodeTimeBlock(block), value, 'a time block is stored in another form')
}

function readKey(seq: number, text: string): void {
  if (!Number.isSafeInteger(seq)) return
  const valueKey = postingPrefix('session', [text, 'tenant'])
  const key = postingKey(valueKey, seq)
  claim(seqOfKey(key) === seq && valueKeyOf(key).equals(valueKey), 'a key does not give back what it was built from')
  claim(isPostingOf(key, valueKey) && !isPostingOf(key, postingPrefix('session', [text])), 'a key is of another value')
}

export function seeds(): Buffer[] {
  const postings = [[7], [1, 2, 3, 4], [1, 5, 300, 70_000], [2 ** 40, 2 ** 40 + 1]].map((seqs) =>
    Buffer.concat([position(seqs.at(-1) as number), encodePosting(seqs)]),
  )
  const times = { level: 0, block: 1, min: '2026-01-01T00:00:00.000000000Z', max: '2026-01-01T00:00:01.000000000Z' }
  return [...postings, Buffer.concat([position(1), encodeTimeBlock(times)])]
}

function position(seq: number): Buffer {
  const bytes = Buffer.alloc(8)
  writeSeq(bytes, seq, 0)
  return bytes
}
