import fc from 'fast-check'
import { expect, it } from 'vitest'
import { decodeFiled } from './decode-entry.js'
import { UsualEntry } from './usual-entry.js'

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

it('says what decodeFiled says, whatever stands before and behind the entry', () => {
  const usual = new UsualEntry()
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, fc.string({ unit: 'binary-ascii' })), { maxLength: 8 }), (pieces) => {
      const all = `before ${pieces.join('')}`
      for (const { text, start, end } of split(pieces)) {
        if (!usual.find(all, start, end)) {
          expect(text).not.toBe(USUAL)
          continue
        }
        const { type, time, recordedAt } = usual
        expect(decodeFiled(Buffer.from(text, 'latin1'))).toMatchObject({ type, time, recordedAt })
      }
    }),
    { numRuns: 2000 },
  )
})

it('says by its owners all that decodeFiled says but the type, the tool and the times', () => {
  const usual = new UsualEntry()
  const known = new Map<string, unknown>()
  const text = (name: string) => fc.constantFrom('', `,"${name}":"a"`, `,"${name}":"b"`)
  const agent = fc.constantFrom('', ',"agent":{}', ',"agent":{"id":"a"}', ',"agent":{"id":"a","name":"b"}')
  const actor = fc.constantFrom('', ',"actor":{"id":"a"}', ',"actor":{"id":"b","type":"user"}')
  const tool = fc.constantFrom('{}', '{"callId":"c","tool":{"name":"a"}}', '{"callId":"c","tool":{"name":"b"}}')
  const type = fc.constantFrom('custom', 'run_started', 'tool_call_started')
  const parts = fc.tuple(type, fc.constantFrom('1', '2'), text('runId'), text('parentRunId'), agent, actor, tool)
  fc.assert(
    fc.property(fc.array(parts), (entries) => {
      for (const [of, time, run, parent, ...[by, on, data]] of entries) {
        const head = `{"v":1,"id":"${time}","type":"${of}","time":"${time}","recordedAt":"${time}"`
        const entry = `${head},"tenantId":"t","sessionId":"s"${run}${parent}${by}${on},"source":{},"data":${data}}`
        if (!usual.find(entry, 0, entry.length)) continue
        const filed = decodeFiled(Buffer.from(entry)) ?? expect.unreachable()
        const { type: _, time: __, recordedAt, toolName, ...rest } = filed
        expect(usual.toolName).toBe(toolName)
        const key = usual.owners
        expect(rest).toEqual(known.get(key) ?? rest)
        known.set(key, rest)
      }
    }),
  )
  expect(known.size).toBeGreaterThan(20)
})

it('is not where the rest of an entry may say something else', () => {
  for (const more of [',"type":"x"', ',"type" :7', ',"t\\u0079pe":"x"', ',"agent":7']) {
    const text = `${USUAL.slice(0, -1)}${more}}`
    expect(new UsualEntry().find(text, 0, text.length)).toBe(false)
  }
})

it('is where a tool has a type, which is none of the event', () => {
  const usual = new UsualEntry()
  const of = (data: string) =>
    USUAL.replace('custom', 'tool_call_started').replace('{"a":1}', '{}').replace('{}}', `${data}}`)
  const text = of('{"callId":"c","tool":{"name":"search","type":"function"},"durationMs":7}')
  expect(usual.find(text, 0, text.length)).toBe(true)
  expect(usual.toolName).toBe('search')
  expect(decodeFiled(Buffer.from(text))).toMatchObject({ type: 'tool_call_started', toolName: 'search' })
  const late = of('{"callId":"c","tool":{"name":"search","type":"function"},"type":"x"}')
  expect(usual.find(late, 0, late.length)).toBe(false)
})
