import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createWitness } from '../../test/support/witness.js'
import { type CheckpointTrust, formatCheckpoint, openCheckpoint, parseCheckpoint } from './checkpoint.js'
import { formatNote, openNote, parseNote, signNote } from './note.js'
import { Ed25519Signer } from './signer.js'

// The example of C2SP tlog-checkpoint.
const EXAMPLE = 'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n'
const malformed = expect.objectContaining({ code: 'AUDIT_NOTE_INVALID' })

describe('parseCheckpoint', () => {
  it('reads the example of the specification', () => {
    const { root, ...rest } = parseCheckpoint(EXAMPLE)
    expect(rest).toEqual({ origin: 'example.com/behind-the-sofa', size: 20852163n, extensions: [] })
    expect(Buffer.from(root).toString('hex')).toBe('0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62')
    expect(formatCheckpoint({ ...rest, root })).toBe(EXAMPLE)
  })

  it('reads any origin, the empty tree, the largest one, and extension lines', () => {
    expect(parseCheckpoint(EXAMPLE.replace('example.com/behind-the-sofa', 'go.sum database tree')).origin).toBe(
      'go.sum database tree',
    )
    expect(parseCheckpoint(EXAMPLE.replace('20852163', '0')).size).toBe(0n)
    expect(parseCheckpoint(EXAMPLE.replace('20852163', '18446744073709551615')).size).toBe(2n ** 64n - 1n)
    expect(parseCheckpoint(`${EXAMPLE}one\n two \n`).extensions).toEqual(['one', ' two '])
  })

  it.each([
    ['nothing', ''],
    ['two lines', 'origin\n5\n'],
    ['no newline at the end', EXAMPLE.slice(0, -1)],
    ['an empty origin', EXAMPLE.replace('example.com/behind-the-sofa', '')],
    ['an empty line behind', `${EXAMPLE}\n`],
    ['an empty extension line', `${EXAMPLE}one\n\ntwo\n`],
    ['an extension line without newline', `${EXAMPLE}one`],
    ['a carriage return', EXAMPLE.replace('sofa\n', 'sofa\r\n')],
    ['leading zeroes', EXAMPLE.replace('20852163', '020852163')],
    ['00', EXAMPLE.replace('20852163', '00')],
    ['a plus', EXAMPLE.replace('20852163', '+20852163')],
    ['a minus', EXAMPLE.replace('20852163', '-1')],
    ['-0', EXAMPLE.replace('20852163', '-0')],
    ['a fraction', EXAMPLE.replace('20852163', '5.0')],
    ['an exponent', EXAMPLE.replace('20852163', '5e3')],
    ['hexadecimal', EXAMPLE.replace('20852163', '0x10')],
    ['a space in front of the size', EXAMPLE.replace('20852163', ' 5')],
    ['a space behind the size', EXAMPLE.replace('20852163', '5 ')],
    ['digits that are not of ASCII', EXAMPLE.replace('20852163', '\u0661')],
    ['no size', EXAMPLE.replace('20852163', '')],
    ['a size past 64 bits', EXAMPLE.replace('20852163', '18446744073709551616')],
    ['a size of many digits', EXAMPLE.replace('20852163', '9'.repeat(100_000))],
    ['a root of 31 bytes', EXAMPLE.replace('q2I=', 'qw==')],
    ['a root of 33 bytes', EXAMPLE.replace('q2I=', 'q2Ir')],
    ['a root without padding', EXAMPLE.replace('q2I=', 'q2I')],
    ['a root with bits behind its end', EXAMPLE.replace('q2I=', 'q2J=')],
    ['a root in the base64 of URLs', EXAMPLE.replace('m/X', 'm_X')],
    ['a root with a space', EXAMPLE.replace('CsUY', 'CsUY ')],
  ])('refuses %s', (_, text) => {
    expect(() => parseCheckpoint(text)).toThrow(malformed)
  })

  it('reads what formatCheckpoint wrote', () => {
    const line = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !/\p{Cc}/u.test(text))
    const root = fc.uint8Array({ minLength: 32, maxLength: 32 })
    fc.assert(
      fc.property(line, fc.bigInt(0n, 2n ** 64n - 1n), root, fc.array(line), (origin, size, root, extensions) => {
        const read = parseCheckpoint(formatCheckpoint({ origin, size, root, extensions }))
        expect({ ...read, root: Uint8Array.from(read.root) }).toEqual({ origin, size, root, extensions })
      }),
    )
  })

  it('does not write what it would not read', () => {
    const good = { origin: 'log', size: 5n, root: new Uint8Array(32), extensions: [] }
    for (const wrong of [
      { origin: '' },
      { origin: 'a\nb' },
      { origin: 'a\rb' },
      { size: -1n },
      { size: 2n ** 64n },
      { size: 5 as unknown as bigint },
      { root: new Uint8Array(31) },
      { extensions: [''] },
      { extensions: ['a\n'] },
    ]) {
      expect(() => formatCheckpoint({ ...good, ...wrong })).toThrow(TypeError)
    }
  })
})

describe('openCheckpoint', () => {
  const log = Ed25519Signer.generate('log.example')
  const witnesses = ['w1.example', 'w2.example', 'w3.example'].map(createWitness)
  const [first, second, third] = witnesses as [(typeof witnesses)[0], (typeof witnesses)[0], (typeof witnesses)[0]]
  const text = formatCheckpoint({ origin: 'log.example', size: 5n, root: new Uint8Array(32), extensions: ['more'] })
  const trust: CheckpointTrust = { origin: 'log.example', logKeys: [log.vkey] }

  it('gives what the log signed', async () => {
    const checkpoint = openCheckpoint(await signNote(text, [log]), trust)
    expect(checkpoint).toMatchObject({ origin: 'log.example', size: 5n, extensions: ['more'], cosignatures: [] })
    expect(checkpoint.signatures).toMatchObject([{ name: 'log.example', keyId: log.keyId }])
  })

  it('verifies the cosignatures of witnesses it knows, with their times', async () => {
    const message = second.cosign(first.cosign(await signNote(text, [log]), 1679315147n), 2n ** 63n - 1n)
    expect(openCheckpoint(message, trust).cosignatures).toEqual([])
    const known = { ...trust, witnessKeys: [first.vkey, second.vkey, third.vkey] }
    expect(openCheckpoint(message, { ...known, witnessQuorum: 2 }).cosignatures).toMatchObject([
      { name: 'w1.example', timestampSeconds: 1679315147n },
      { name: 'w2.example', timestampSeconds: 2n ** 63n - 1n },
    ])
    expect(() => openCheckpoint(message, { ...known, witnessQuorum: 3 })).toThrow(
      expect.objectContaining({ code: 'AUDIT_KEY_UNKNOWN' }),
    )
  })

  it('counts a witness once, however often it cosigned', async () => {
    const message = first.cosign(first.cosign(await signNote(text, [log]), 1n), 2n)
    const known = { ...trust, witnessKeys: [first.vkey, second.vkey] }
    expect(openCheckpoint(message, known).cosignatures).toMatchObject([{ timestampSeconds: 1n }])
    expect(() => openCheckpoint(message, { ...known, witnessQuorum: 2 })).toThrow(
      expect.objectContaining({ code: 'AUDIT_KEY_UNKNOWN' }),
    )
  })

  it('refuses a cosignature with another time, of another text, or without a time', async () => {
    const signed = await signNote(text, [log])
    const cosigned = parseNote(first.cosign(signed, 1679315147n))
    const good = cosigned.signatures.at(-1) as (typeof cosigned.signatures)[0]
    const known = { ...trust, witnessKeys: [first.vkey] }
    const later = Buffer.from(good.signature)
    later.writeUInt8((later[7] as number) + 1, 7)
    const negative = Buffer.from(good.signature)
    negative[0] = 0x80
    const [logSignature] = cosigned.signatures as [typeof good]
    for (const signature of [later, negative, good.signature.subarray(8), good.signature.subarray(0, 7)]) {
      const message = formatNote({ ...cosigned, signatures: [logSignature, { ...good, signature }] })
      expect(() => openCheckpoint(message, known)).toThrow(expect.objectContaining({ code: 'AUDIT_SIGNATURE_INVALID' }))
    }
    const otherText = text.replace('more', 'less')
    const other = formatNote({
      text: otherText,
      signatures: [...parseNote(await signNote(otherText, [log])).signatures, good],
    })
    expect(() => openCheckpoint(other, known)).toThrow(expect.objectContaining({ code: 'AUDIT_SIGNATURE_INVALID' }))
    expect(() => openCheckpoint(first.cosign(signed, 2n ** 63n), known)).toThrow(
      expect.objectContaining({ code: 'AUDIT_SIGNATURE_INVALID' }),
    )
  })

  it('does not take a cosignature for a plain signature of the same key', async () => {
    const message = first.cosign(await signNote(text, [log]), 1n)
    expect(openNote(message, [first.plainVkey, log.vkey]).unverified).toMatchObject([{ name: 'w1.example' }])
    expect(() => openCheckpoint(message, { ...trust, witnessKeys: [first.plainVkey] })).toThrow(
      expect.objectContaining({ code: 'AUDIT_KEY_INVALID' }),
    )
  })

  it('is not opened by witnesses alone', async () => {
    const other = Ed25519Signer.generate('log.example')
    const message = first.cosign(await signNote(text, [other]), 1n)
    expect(() => openCheckpoint(message, { ...trust, witnessKeys: [first.vkey], witnessQuorum: 1 })).toThrow(
      expect.objectContaining({ code: 'AUDIT_KEY_UNKNOWN' }),
    )
  })

  it('refuses the checkpoint of another log, though the same key signed it', async () => {
    const other = text.replace('log.example', 'another.example')
    expect(() => openCheckpoint(Buffer.from('x'), trust)).toThrow(malformed)
    const message = await signNote(other, [log])
    expect(() => openCheckpoint(message, trust)).toThrow(expect.objectContaining({ code: 'AUDIT_ORIGIN_MISMATCH' }))
  })

  it('refuses a signed note that is no checkpoint', async () => {
    const message = await signNote('log.example\n05\nAAAA\n', [log])
    expect(() => openCheckpoint(message, trust)).toThrow(malformed)
  })

  it('names an option it does not know', async () => {
    const message = await signNote(text, [log])
    const mistyped = { ...trust, witnesQuorum: 1 } as CheckpointTrust
    expect(() => openCheckpoint(message, mistyped)).toThrow(/did you mean 'witnessQuorum'/)
  })

  it('refuses a trust that no checkpoint can meet, or that lacks something', async () => {
    const message = await signNote(text, [log])
    for (const wrong of [
      { witnessQuorum: -1 },
      { witnessQuorum: 1 },
      { witnessKeys: [first.vkey], witnessQuorum: 2 },
      { logKeys: undefined as unknown as string[] },
      { logKeys: log.vkey as unknown as string[] },
      { origin: undefined as unknown as string },
    ]) {
      expect(() => openCheckpoint(message, { ...trust, ...wrong })).toThrow(TypeError)
    }
  })
})
