import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatReceipt, parseReceipt } from './receipt.js'

const HASH = 'gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ='
const CHECKPOINT = 'example.com/fancylog\n109482\nsFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=\n\n\u2014 a AAAAAAAA\n'
const RECEIPT = `c2sp.org/tlog-proof@v1\nextra YWdl\nindex 73894\n${HASH}\n${HASH}\n\n${CHECKPOINT}`
const malformed = expect.objectContaining({ code: 'AUDIT_PROOF_INVALID' })

describe('parseReceipt', () => {
  it('takes a receipt apart as the specification puts it together', () => {
    const receipt = parseReceipt(RECEIPT)
    expect(receipt).toMatchObject({ index: 73894n, checkpoint: CHECKPOINT })
    expect(receipt.proof.map((hash) => Buffer.from(hash).toString('base64'))).toEqual([HASH, HASH])
    expect(Buffer.from(receipt.extra ?? []).toString()).toBe('age')
    expect(parseReceipt(Buffer.from(RECEIPT))).toEqual(receipt)
    expect(formatReceipt(receipt)).toBe(RECEIPT)
  })

  it('needs neither extra data nor a proof', () => {
    const receipt = parseReceipt(`c2sp.org/tlog-proof@v1\nindex 0\n\n${CHECKPOINT}`)
    expect(receipt).toEqual({ index: 0n, proof: [], checkpoint: CHECKPOINT, extra: undefined })
  })

  it.each([
    ['nothing', ''],
    ['another header', RECEIPT.replace('@v1', '@v2')],
    ['a space behind the header', RECEIPT.replace('@v1', '@v1 ')],
    ['carriage returns', RECEIPT.replaceAll('\n', '\r\n')],
    ['no blank line', RECEIPT.replaceAll('\n\n', '\n')],
    ['no index', RECEIPT.replace('index 73894\n', '')],
    ['an index before the extra data', RECEIPT.replace('extra YWdl\nindex 73894\n', 'index 73894\nextra YWdl\n')],
    ['two lines of extra data', RECEIPT.replace('extra YWdl\n', 'extra YWdl\nextra YWdl\n')],
    ['extra data without padding', RECEIPT.replace('YWdl', 'YWdlYQ')],
    ['extra data that are not in base64', RECEIPT.replace('YWdl', '!!!!')],
    ['an empty index', RECEIPT.replace('73894', '')],
    ['leading zeroes', RECEIPT.replace('73894', '073894')],
    ['a negative index', RECEIPT.replace('73894', '-5')],
    ['an index that is no number', RECEIPT.replace('73894', 'abc')],
    ['two spaces before the index', RECEIPT.replace('index 7', 'index  7')],
    ['a tab before the index', RECEIPT.replace('index 7', 'index\t7')],
    ['an index past 64 bits', RECEIPT.replace('73894', '18446744073709551616')],
    ['a hash of 31 bytes', RECEIPT.replace(HASH, Buffer.alloc(31).toString('base64'))],
    ['a hash of 64 bytes', RECEIPT.replace(HASH, Buffer.alloc(64).toString('base64'))],
    ['a hash with bits behind its end', RECEIPT.replace('PlQ=', 'PlR=')],
    ['a hash that is not in base64', RECEIPT.replace(HASH, '!!notbase64!!')],
    ['a space behind a hash', RECEIPT.replace(HASH, `${HASH} `)],
    ['65 hashes', RECEIPT.replace(HASH, `${HASH}\n`.repeat(64).trimEnd())],
    ['a lone surrogate', `${RECEIPT}\ud800`],
    ['too much of it', RECEIPT + 'x'.repeat(2_000_000)],
  ])('refuses %s', (_, receipt) => {
    expect(() => parseReceipt(receipt)).toThrow(malformed)
  })

  it('reads what formatReceipt wrote', () => {
    const hash = fc.uint8Array({ minLength: 32, maxLength: 32 })
    fc.assert(
      fc.property(
        fc.bigInt(0n, 2n ** 64n - 1n),
        fc.array(hash, { maxLength: 64 }),
        fc.option(fc.uint8Array(), { nil: undefined }),
        (index, proof, extra) => {
          const read = parseReceipt(formatReceipt({ index, proof, checkpoint: CHECKPOINT, extra }))
          expect(read.index).toBe(index)
          expect(read.checkpoint).toBe(CHECKPOINT)
          expect(read.proof.map((hash) => Uint8Array.from(hash))).toEqual(proof)
          expect(read.extra && Uint8Array.from(read.extra)).toEqual(extra)
        },
      ),
    )
  })

  it('does not write what it would not read', () => {
    const good = { index: 0n, proof: [], checkpoint: CHECKPOINT }
    for (const wrong of [
      { index: -1n },
      { index: 2n ** 64n },
      { index: 1 as unknown as bigint },
      { proof: [new Uint8Array(31)] },
      { proof: Array<Uint8Array>(65).fill(new Uint8Array(32)) },
    ]) {
      expect(() => formatReceipt({ ...good, ...wrong })).toThrow(TypeError)
    }
  })
})
