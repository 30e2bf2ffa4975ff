import { AuditLogError } from '../../src/events/errors.js'
import { Block, type BlockSlot, encodeBlock, entrySlot } from '../../src/store/leveldb/entries/block.js'
import { blockOf, OpenPages, pageOf } from '../../src/store/leveldb/entries/directory.js'
import { PAGE_POSITIONS } from '../../src/store/leveldb/entries/keys.js'
import { isPostingOf, postingKey, valueKey, valueKeyOf } from '../../src/store/leveldb/indexes/keys.js'
import { decodeTimeBlock, encodeTimeBlock } from '../../src/store/leveldb/indexes/time-block-value.js'
import { decodePosting, encodePosting, postingSpan } from '../../src/store/posting-value.js'
import { encodeSeq, readSeq, SEQ_BYTES, seqOfKey } from '../../src/store/seq-bytes.js'
import { claim, parsed, same } from '../support/oracle.js'

/*
 * Values of a log's databases: blocks of entries and pages of their directory; postings and time blocks. An input is a
 * position of 8 bytes and a value.
 *
 * Oracles: a block has as many slots as it says, and encodes to the value again. A page names no block behind the
 * position that is asked for. The positions of a posting ascend from its first to its last, and there are as many as it
 * says; encoded again, they give an equal value. Decoding takes memory in proportion to the bytes that are there. A value
 * that cannot be decoded throws a RangeError, which readers turn into `AUDIT_LOG_CORRUPT`. A key gives back what it was
 * built from.
 */
export function fuzz(bytes: Buffer): void {
  const value = bytes.subarray(SEQ_BYTES)
  const seq = bytes.length < SEQ_BYTES ? 0 : readSeq(bytes, 0)
  readBlock(seq, value)
  readPage(seq, value)
  readPosting(seq, value)
  readTimeBlock(value)
  readKey(seq, value)
}

const isRefusal = (error: unknown) => error instanceof RangeError || error instanceof AuditLogError

function readBlock(firstSeq: number, value: Buffer): void {
  const block = parsed(isRefusal, () => new Block(firstSeq, value))
  if (!block) return
  const slots: BlockSlot[] = []
  for (let seq = block.firstSeq; seq < block.end; seq++) {
    const [bytes, removed] = [block.entry(seq), block.removed(seq)]
    claim((bytes === undefined) !== (removed === undefined), 'a slot has an entry, or says that it was removed')
    slots.push(bytes ? entrySlot(bytes, block.hasCallerId(seq)) : (removed as BlockSlot))
  }
  claim(slots.length >= 1 && block.has(firstSeq) && !block.has(block.end), 'a block does not span what it says')
  same(encodeBlock(slots), value, 'the slots of a block are encoded as others')
}

function readPage(seq: number, value: Buffer): void {
  if (!Number.isSafeInteger(seq + PAGE_POSITIONS)) return
  const page = pageOf(seq)
  const start = parsed(isRefusal, () => blockOf(seq, value))
  if (start === undefined) return
  claim(start >= 0 && start <= seq, 'a page names a block behind the position')
  for (let between = Math.max(start, page * PAGE_POSITIONS); between <= seq; between++) {
    claim(blockOf(between, value) === start, 'a page names another block than the nearest')
  }
  const reopened = new OpenPages(new Map([[page, value]]))
  const { closed, pages } = reopened.change([], [{ firstSeq: seq, end: seq + 1 }], seq)
  claim(closed.length === 0, 'a page is closed that may still change')
  const after = pages.page(page)
  claim(after !== undefined && blockOf(seq, after) === seq, 'a page does not name the block that was added')
}

function readPosting(last: number, value: Buffer): void {
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
  const block = parsed(isRefusal, () => decodeTimeBlock(0, 1, value))
  if (block) same(encodeTimeBlock(block), value, 'a time block is stored in another form')
}

function readKey(seq: number, value: Buffer): void {
  if (!Number.isSafeInteger(seq)) return
  const [session = '', tenant = ''] = [value.subarray(0, 16), value.subarray(16, 32)].map((part) =>
    Buffer.concat([part, Buffer.alloc(16)]).toString('latin1', 0, 16),
  )
  const ofValue = valueKey('session', [session, tenant])
  const key = postingKey(ofValue, seq)
  claim(seqOfKey(key) === seq && valueKeyOf(key).equals(ofValue), 'a key does not give back what it was built from')
  claim(isPostingOf(key, ofValue) && !isPostingOf(key, valueKey('session', [session])), 'a key is of another value')
}

export function seeds(): Buffer[] {
  const at = (seq: number, value: Uint8Array) => Buffer.concat([encodeSeq(seq), value])
  const postings = [[7], [1, 2, 3, 4], [1, 5, 300, 70_000], [2 ** 40, 2 ** 40 + 1]].map((seqs) =>
    at(seqs.at(-1) as number, encodePosting(seqs)),
  )
  const times = { level: 0, block: 1, min: '2026-01-01T00:00:00.000000000Z', max: '2026-01-01T00:00:01.000000000Z' }
  const entries = ['{"v":1}', '', '{"v":1,"id":"a"}'].map((text, n) => entrySlot(Buffer.from(text), n === 2))
  const removed = [undefined, Buffer.alloc(16, 7)].map((idDigest) => ({ removedUnder: 300, idDigest }))
  const { closed } = new OpenPages().change(
    [],
    [
      { firstSeq: 250, end: 260 },
      { firstSeq: 260, end: 700 },
    ],
    768,
  )
  return [
    ...postings,
    at(1, encodeTimeBlock(times)),
    at(0, encodeBlock(entries)),
    at(2 ** 40, encodeBlock([...entries, ...removed])),
    ...closed.flatMap(([page, value]) => [at(page * PAGE_POSITIONS + 9, value), at(page * PAGE_POSITIONS, value)]),
  ]
}
