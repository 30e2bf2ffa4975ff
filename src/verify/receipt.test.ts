import { describe, expect, it } from 'vitest'
import { numberedLeaf, numberedTree } from '../../test/support/reference-tree.js'
import { createWitness } from '../../test/support/witness.js'
import { Ed25519Signer, formatCheckpoint, formatReceipt, signNote } from '../checkpoint/index.js'
import { verifyReceipt } from './receipt.js'

const log = Ed25519Signer.generate('log.example')
const witness = createWitness('witness.example')
const SIZE = 13n
const trust = { origin: 'log.example', logKeys: [log.vkey] }
const root = numberedTree.hash(0n, SIZE)
const checkpoint = await signNote(formatCheckpoint({ origin: 'log.example', size: SIZE, root, extensions: [] }), [log])
const receiptOf = (index: number, extra?: Uint8Array) =>
  formatReceipt({ index: BigInt(index), proof: numberedTree.inclusion(BigInt(index), SIZE), checkpoint, extra })

describe('verifyReceipt', () => {
  it('proves each entry of a log, and no other', () => {
    for (let index = 0; index < SIZE; index++) {
      const proved = verifyReceipt(receiptOf(index), numberedLeaf(index), trust)
      expect(proved).toMatchObject({ index: BigInt(index), checkpoint: { size: SIZE }, extra: undefined })
      expect(() => verifyReceipt(receiptOf(index), numberedLeaf(index + 1), trust)).toThrow(
        expect.objectContaining({ code: 'AUDIT_PROOF_INVALID' }),
      )
    }
  })

  it('refuses a receipt with any bit of it changed', () => {
    const bytes = Buffer.from(receiptOf(5))
    for (const [at, byte] of bytes.entries()) {
      for (const bit of [0x01, 0x10]) {
        const changed = Buffer.from(bytes)
        changed[at] = byte ^ bit
        expect(() => verifyReceipt(changed, numberedLeaf(5), trust), `byte ${at}`).toThrow(
          expect.objectContaining({ code: expect.stringMatching(/^AUDIT_/) }),
        )
      }
    }
  })

  it('hands out the extra data, which nothing proves', () => {
    const { extra } = verifyReceipt(receiptOf(5, Buffer.from('age')), numberedLeaf(5), trust)
    expect(Buffer.from(extra ?? []).toString()).toBe('age')
  })

  it('trusts only the keys, the log and the witnesses it is told to', () => {
    const receipt = receiptOf(5)
    const other = Ed25519Signer.generate('log.example')
    expect(() => verifyReceipt(receipt, numberedLeaf(5), { ...trust, logKeys: [other.vkey] })).toThrow(
      expect.objectContaining({ code: 'AUDIT_KEY_UNKNOWN' }),
    )
    expect(() => verifyReceipt(receipt, numberedLeaf(5), { ...trust, origin: 'another' })).toThrow(
      expect.objectContaining({ code: 'AUDIT_ORIGIN_MISMATCH' }),
    )
    const witnessed = { ...trust, witnessKeys: [witness.vkey], witnessQuorum: 1 }
    expect(() => verifyReceipt(receipt, numberedLeaf(5), witnessed)).toThrow(
      expect.objectContaining({ code: 'AUDIT_KEY_UNKNOWN' }),
    )
    const cosigned = receipt.replace(checkpoint, witness.cosign(checkpoint, 1n))
    expect(verifyReceipt(cosigned, numberedLeaf(5), witnessed).checkpoint.cosignatures).toMatchObject([
      { name: 'witness.example', timestampSeconds: 1n },
    ])
  })
})
