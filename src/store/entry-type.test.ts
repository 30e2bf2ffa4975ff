import fc from 'fast-check'
import { expect, it } from 'vitest'
import { decodeFiled } from './decode-entry.js'
import { typeOfUsual } from './entry-type.js'

const USUAL =
  '{"v":1,"id":"i","type":"custom","time":"t","recordedAt":"t","tenantId":"one","sessionId":"s","source":{"a":1},"data":{}}'

const piece = fc.constantFrom(
  USUAL,
  USUAL.replace('custom', 'events_dropped'),
  USUAL.replace(',"source":', ',"runId":"r","agent":{"id":"a","name":"n"},"source":'),
  USUAL.replace('{}}', '{"type":"x"}}'),
  USUAL.replace('{}}', '{},"type":"events_dropped"}'),
  USUAL.replace('{}}', '{},"t\\u0079pe":7}'),
  USUAL.replace('"t"', '"\\u0000"'),
  USUAL.replace('"one"', '7'),
  USUAL.slice(0, -60),
  USUAL.slice(60),
  `${USUAL.slice(0, -1)}"type"`,
  ':"x"}',
  '{"type":"custom"}',
  '\u0000\u00ff',
  '',
)

function split(pieces: readonly string[]) {
  let end = 7
  return pieces.map((text) => {
    const start = end
    end += text.length
    return { text, start, end }
  })
}

it('is what the beginning of an entry says, whatever stands before and behind it', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, fc.string({ unit: 'binary-ascii' })), { maxLength: 8 }), (pieces) => {
      const all = `before ${pieces.join('')}`
      for (const { text, start, end } of split(pieces)) {
        const type = typeOfUsual(all, start, end)
        if (type !== undefined) expect(decodeFiled(Buffer.from(text, 'latin1'))?.type).toBe(type)
        else expect(text).not.toBe(USUAL)
      }
    }),
    { numRuns: 2000 },
  )
})

it('is unknown where the rest of an entry may say another one', () => {
  for (const more of [',"type":"x"', ',"type" :7', ',"t\\u0079pe":"x"', ',"agent":7']) {
    const text = `${USUAL.slice(0, -1)}${more}}`
    expect(typeOfUsual(text, 0, text.length)).toBeUndefined()
  }
})
