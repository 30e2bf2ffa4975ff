import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatNote, MAX_NOTE_BYTES, MAX_NOTE_SIGNATURES, openNote, parseNote, signNote } from './note.js'
import { Ed25519Signer, type Signer } from './signer.js'
import { verifierFromVkey } from './verifier.js'

// The example of C2SP signed-note.
const EXAMPLE_VKEY = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k'
const EXAMPLE_TEXT = 'This is an example message.\n'
const EXAMPLE_LINE =
  '\u2014 example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n'
const EXAMPLE = `${EXAMPLE_TEXT}\n${EXAMPLE_LINE}`

const malformed = expect.objectContaining({ code: 'AUDIT_NOTE_INVALID' })
const unknownKey = expect.objectContaining({ code: 'AUDIT_KEY_UNKNOWN' })
const badSignature = expect.objectContaining({ code: 'AUDIT_SIGNATURE_INVALID' })

const one = Ed25519Signer.generate('one.example')
const two = Ed25519Signer.generate('two.example')
const names = (signatures: readonly { name: string }[]) => signatures.map(({ name }) => name)

describe('openNote', () => {
  it('opens the example of the specification', () => {
    const note = openNote(EXAMPLE, [EXAMPLE_VKEY])
    expect(note.text).toBe(EXAMPLE_TEXT)
    expect(note.signatures).toMatchObject([{ name: 'example.com/foo', keyId: 0x530d903a }])
    expect(note.unverified).toEqual([])
    expect(openNote(Buffer.from(EXAMPLE), [verifierFromVkey(EXAMPLE_VKEY)]).text).toBe(EXAMPLE_TEXT)
  })

  it('refuses the example with any bit of it changed', () => {
    const bytes = Buffer.from(EXAMPLE)
    for (const [at, byte] of bytes.entries()) {
      for (const bit of [0x01, 0x04, 0x20, 0x80]) {
        const changed = Buffer.from(bytes)
        changed[at] = byte ^ bit
        expect(() => openNote(changed, [EXAMPLE_VKEY]), `byte ${at}`).toThrow(
          expect.objectContaining({
            code: expect.stringMatching(/^AUDIT_(NOTE_INVALID|KEY_UNKNOWN|SIGNATURE_INVALID)$/),
          }),
        )
      }
    }
  })

  it('verifies several keys, and ignores those it does not know', async () => {
    const message = await signNote('several\n', [one, two])
    expect(names(openNote(message, [one.vkey, two.vkey]).signatures)).toEqual(['one.example', 'two.example'])
    const note = openNote(message, [two.vkey, EXAMPLE_VKEY])
    expect([names(note.signatures), names(note.unverified)]).toEqual([['two.example'], ['one.example']])
  })

  it('ignores a key that shares only its name, or only its id, with a known one', async () => {
    const { text, signatures } = parseNote(await signNote('alike\n', [one, two]))
    const [own, other] = signatures as [(typeof signatures)[0], (typeof signatures)[0]]
    const message = formatNote({
      text,
      signatures: [own, { ...other, name: one.name }, { ...other, keyId: one.keyId }],
    })
    const note = openNote(message, [one.vkey])
    expect([note.signatures.length, note.unverified.length]).toEqual([1, 2])
  })

  it('refuses a note that no known key signed', async () => {
    const message = await signNote('unknown\n', [one])
    expect(() => openNote(message, [two.vkey])).toThrow(unknownKey)
    expect(() => openNote(message, [])).toThrow(unknownKey)
  })

  it('refuses a note where one known key signed something else, though others signed right', async () => {
    const other = parseNote(await signNote('another text\n', [two]))
    const { text, signatures } = parseNote(await signNote('this text\n', [one]))
    const message = formatNote({ text, signatures: [...signatures, ...other.signatures] })
    expect(() => openNote(message, [one.vkey, two.vkey])).toThrow(badSignature)
    expect(names(openNote(message, [one.vkey]).signatures)).toEqual(['one.example'])
  })

  it('counts a key once however often it signed, but verifies each time', async () => {
    const message = await signNote('repeated\n', [one, one, two, two])
    const note = openNote(message, [one.vkey])
    expect([note.signatures.length, note.unverified.length]).toEqual([1, 1])
    const wrong = parseNote(await signNote('another\n', [one])).signatures
    const { text, signatures } = parseNote(message)
    expect(() => openNote(formatNote({ text, signatures: [...signatures, ...wrong] }), [one.vkey])).toThrow(
      badSignature,
    )
  })

  it('takes nothing but true for a yes of a verifier', () => {
    const { signatures } = parseNote(EXAMPLE)
    const { name, keyId } = signatures[0] as (typeof signatures)[0]
    const verify = (async () => true) as unknown as () => boolean
    expect(() => openNote(EXAMPLE, [{ name, keyId, verify }])).toThrow(badSignature)
  })

  it('refuses a malformed vkey', () => {
    expect(() => openNote(EXAMPLE, ['example.com/foo'])).toThrow(expect.objectContaining({ code: 'AUDIT_KEY_INVALID' }))
  })
})

describe('parseNote', () => {
  it('takes what stands behind the last empty line for the signatures', () => {
    const text = 'Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n'
    const note = parseNote(
      `${text}\n\u2014 quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n`,
    )
    expect(note.text).toBe(text)
    expect(note.signatures).toMatchObject([{ name: 'quasimodo.example/salvatore', keyId: 0x367ba04b }])
    expect(note.signatures[0]?.signature).toHaveLength(64)
    expect(parseNote(`\n\n\n${EXAMPLE_LINE}`).text).toBe('\n\n')
  })

  it('keeps every character of the text, a byte order mark too', () => {
    const text = '\ufeffé\u2028\u007f\u{1f512}\n'
    expect(parseNote(Buffer.from(`${text}\n${EXAMPLE_LINE}`)).text).toBe(text)
  })

  it.each([
    ['nothing', ''],
    ['a text alone', EXAMPLE_TEXT],
    ['no signature', `${EXAMPLE_TEXT}\n`],
    ['no blank line', EXAMPLE_TEXT + EXAMPLE_LINE],
    ['no text', `\n${EXAMPLE_LINE}`],
    ['no newline at the end', EXAMPLE.slice(0, -1)],
    ['a blank line at the end', `${EXAMPLE}\n`],
    ['another line behind', `${EXAMPLE}Unexpected line.\n`],
    ['carriage returns', EXAMPLE.replaceAll('\n', '\r\n')],
    ['a tab', `a\t${EXAMPLE}`],
    ['a NUL', `a\0${EXAMPLE}`],
    ['a lone surrogate', `\ud800${EXAMPLE}`],
    ['a hyphen for the dash', EXAMPLE.replace('\u2014', '-')],
    ['an en dash', EXAMPLE.replace('\u2014', '\u2013')],
    ['no space behind the dash', EXAMPLE.replace('\u2014 ', '\u2014')],
    ['two spaces behind the dash', EXAMPLE.replace('\u2014 ', '\u2014  ')],
    ['a no-break space behind the dash', EXAMPLE.replace('\u2014 ', '\u2014\u00a0')],
    ['a space before the dash', EXAMPLE.replace('\u2014', ' \u2014')],
    ['two spaces behind the name', EXAMPLE.replace('foo ', 'foo  ')],
    ['a space at the end', EXAMPLE.replace('=\n', '= \n')],
    ['no name', EXAMPLE.replace('example.com/foo ', '')],
    ['an empty name', EXAMPLE.replace('example.com/foo', '')],
    ['a plus in the name', EXAMPLE.replace('foo', 'f+o')],
    ['an em space in the name', EXAMPLE.replace('foo', 'f\u2003o')],
    ['a next line control in the name', EXAMPLE.replace('foo', 'f\u0085o')],
    ['no signature behind the name', EXAMPLE.replace(/foo .*\n/, 'foo\n')],
    ['an empty signature', EXAMPLE.replace(/foo .*\n/, 'foo \n')],
    ['a key id and nothing behind it', EXAMPLE.replace(/foo .*\n/, 'foo Uw2QOg==\n')],
    ['less than a key id', EXAMPLE.replace(/foo .*\n/, 'foo Uw2Q\n')],
    ['base64 without padding', EXAMPLE.replace('=\n', '\n')],
    ['base64 with too much padding', EXAMPLE.replace('=\n', '==\n')],
    ['base64 with bits behind its end', EXAMPLE.replace('QM=\n', 'QN=\n')],
    ['base64 of URLs', EXAMPLE.replace('Uw2QOkn8', 'Uw2QOkn_')],
    ['a star in base64', EXAMPLE.replace('Uw2QOkn8', 'Uw2QOkn*')],
  ])('refuses %s', (_, message) => {
    expect(() => parseNote(message)).toThrow(malformed)
    expect(() => openNote(message, [EXAMPLE_VKEY])).toThrow(malformed)
  })

  it('refuses bytes that are not UTF-8', () => {
    for (const bytes of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x80]]) {
      expect(() => parseNote(Buffer.concat([Buffer.from(bytes), Buffer.from(EXAMPLE)]))).toThrow(malformed)
    }
  })

  it('bounds the number of signatures and the length', () => {
    const signedTimes = (times: number) => `${EXAMPLE_TEXT}\n${EXAMPLE_LINE.repeat(times)}`
    expect(parseNote(signedTimes(MAX_NOTE_SIGNATURES)).signatures).toHaveLength(100)
    expect(() => parseNote(signedTimes(MAX_NOTE_SIGNATURES + 1))).toThrow(malformed)
    const filled = 'x'.repeat(MAX_NOTE_BYTES - EXAMPLE.length - 2)
    expect(parseNote(Buffer.from(`${filled}${EXAMPLE}`)).text).toHaveLength(filled.length + EXAMPLE_TEXT.length)
    expect(() => parseNote(`xxx${filled}${EXAMPLE}`)).toThrow(malformed)
  })

  it('reads what formatNote wrote', () => {
    const lines = fc.array(fc.string({ unit: 'binary' }).map((any) => any.replace(/\p{Cc}/gu, '')))
    const text = lines.map((any) => `${any.join('\n')}\n`)
    const signature = fc.record({
      name: fc.string({ minLength: 1 }).map((any) => `n${any.replace(/[\s+]/gu, '')}`),
      keyId: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      signature: fc.uint8Array({ minLength: 1, maxLength: 100 }),
    })
    fc.assert(
      fc.property(text, fc.array(signature, { minLength: 1, maxLength: 5 }), (text, signatures) => {
        const note = parseNote(formatNote({ text, signatures }))
        expect(note.text).toBe(text)
        const plain = note.signatures.map((read) => ({ ...read, signature: Uint8Array.from(read.signature) }))
        expect(plain).toEqual(signatures)
      }),
    )
  })
})

describe('signNote', () => {
  it('writes the signatures in the order of the signers, however long each takes', async () => {
    let resolve = (_: Uint8Array) => {}
    const signature = new Promise<Uint8Array>((settle) => {
      resolve = settle
    })
    const slow: Signer = { name: 'slow.example', keyId: 7, vkey: '', sign: () => signature }
    const quick: Signer = { name: 'quick.example', keyId: 8, vkey: '', sign: () => Uint8Array.of(2) }
    const signing = signNote('text\n', [slow, quick])
    resolve(Uint8Array.of(1))
    expect(names(parseNote(await signing).signatures)).toEqual(['slow.example', 'quick.example'])
  })

  it('says which signer failed', async () => {
    const cause = new Error('no connection')
    const failing: Signer = { name: 'kms.example', keyId: 1, vkey: '', sign: () => Promise.reject(cause) }
    await expect(signNote('text\n', [one, failing])).rejects.toMatchObject({
      code: 'AUDIT_SIGNING_FAILED',
      message: expect.stringContaining('kms.example'),
      cause,
    })
  })

  it('signs only what a note may have', async () => {
    for (const text of ['', 'no newline', 'a\tb\n', 'a\r\n', '\ud800\n']) {
      await expect(signNote(text, [one])).rejects.toThrow(TypeError)
    }
    await expect(signNote('text\n', [])).rejects.toThrow(TypeError)
    for (const name of ['', 'a b', 'a+b', 'a\nb', 'a\u00a0b']) {
      const signer: Signer = { name, keyId: 1, vkey: '', sign: () => Uint8Array.of(1) }
      await expect(signNote('text\n', [signer])).rejects.toThrow(TypeError)
    }
    const nothing: Signer = { name: 'n', keyId: 1, vkey: '', sign: () => new Uint8Array() }
    await expect(signNote('text\n', [nothing])).rejects.toThrow(TypeError)
  })
})
