import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { StoredEvent } from '../../events/types.js'
import { RunFold } from './run-fold.js'
import type { RunSummary } from './run-summary.js'
import { type RunEvent, skimEvent } from './skimmed-event.js'

// Runs of any events, as sealed or as nobody seals them, are summed up from skimmed events and from parsed ones.

const TYPES = [
  'run_started',
  'run_completed',
  'run_failed',
  'resumed',
  'tool_call_started',
  'tool_call_completed',
  'tool_call_failed',
  'token_usage_updated',
  'custom',
  'agent_handoff',
  'from_a_later_version',
]
const text = fc.oneof(
  { weight: 30, arbitrary: fc.constantFrom('a', 'b', 'c') },
  { weight: 1, arbitrary: fc.constantFrom('ä', '😀', '\ud800', '\0', '"', '\\', '{', '}', '},"data":{', '') },
  { weight: 1, arbitrary: fc.string() },
)
const anything = fc.oneof(
  text,
  fc.constantFrom(null, true, 0, -1.5, 1e300),
  fc.constant([]),
  fc.constant({}),
  fc.array(text, { maxLength: 2 }),
  fc.jsonValue({ maxDepth: 2 }),
)
const object = (fields: Record<string, fc.Arbitrary<unknown>>) => fc.record(fields, { requiredKeys: [] })
const or = (usual: fc.Arbitrary<unknown>) =>
  fc.oneof({ weight: 20, arbitrary: usual }, { weight: 1, arbitrary: anything })
const error = object({ code: or(text), message: or(text) })
const agent = or(object({ id: or(text), name: or(text), more: anything }))
const usualData = {
  callId: or(text),
  tool: or(object({ name: or(text) })),
  durationMs: or(fc.integer({ min: 0, max: 9 })),
  error: or(error),
  model: or(text),
  inputTokens: or(fc.nat(9)),
  totalTokens: or(fc.nat(9)),
  usage: or(object({ totalTokens: or(fc.nat(9)) })),
  reason: or(text),
  finishReason: or(text),
  startedAt: or(fc.constant('2026-05-01T12:00:00.000000000Z')),
  note: or(text),
}
const data = fc.oneof(
  { weight: 4, arbitrary: object(usualData) },
  {
    weight: 1,
    arbitrary: object({ ...usualData, agent, type: anything, tenantId: anything, ['__proto__']: anything }),
  },
  { weight: 1, arbitrary: anything },
)

const time = fc.integer({ min: 0, max: 9 }).map((second) => `2026-05-01T12:00:0${second}.000000000Z`)
const hex = (digits: number) => fc.constantFrom('f', 'e').map((digit) => digit.repeat(digits))

/** The fields of an envelope in the order in which they are sealed; those that are `undefined` are left out. */
const fields = fc.record({
  v: fc.constant(1),
  id: text,
  type: fc.constantFrom(...TYPES),
  time,
  recordedAt: time,
  tenantId: fc.constantFrom('t-1', 't-1', 't-2'),
  sessionId: fc.oneof(text, hex(32), fc.constant('r-1')),
  runId: fc.constant('r-1'),
  parentRunId: fc.option(text, { nil: undefined }),
  agent: fc.option(agent, { nil: undefined }),
  actor: fc.option(or(object({ id: text })), { nil: undefined }),
  trace: fc.option(or(object({ traceId: hex(32), spanId: hex(16), parentSpanId: hex(16) })), { nil: undefined }),
  claimed: fc.option(or(object({ tenantId: text })), { nil: undefined }),
  source: or(object({ convention: text, scope: text, confidence: or(fc.constantFrom('heuristic', 'claimed')) })),
  statementOf: fc.option(text, { nil: undefined }),
  salt: fc.option(hex(32), { nil: undefined }),
  data,
  altered: fc.option(fc.constant([{ field: 'data', reason: 'truncated' }]), { nil: undefined }),
})

/** Members of an object as JSON, in their order; a name may come twice. */
const members = fields.chain((event) => {
  const sealed = Object.entries(event).filter(([, value]) => value !== undefined)
  const name = fc.constantFrom(...Object.keys(event), 'runId', 'seq', 'more', '__proto__')
  const again = fc.array(fc.tuple(name, or(anything)), { maxLength: 2 })
  return fc.oneof(
    { weight: 6, arbitrary: fc.constant(sealed) },
    { weight: 2, arbitrary: again.map((more) => [...sealed, ...more]) },
    { weight: 1, arbitrary: fc.shuffledSubarray(sealed, { minLength: sealed.length }) },
  )
})
const entry = fc.tuple(members, fc.nat(9)).map(([all, way]) => {
  const space = way === 0 ? ' ' : ''
  const escapes = way === 1
  const quoted = (name: string) => (escapes && name === 'type' ? '"t\\u0079pe"' : JSON.stringify(name))
  const json = all.map(([name, value]) => `${quoted(name)}:${space}${JSON.stringify(value)}`).join(',')
  return Buffer.from(`{${json}}`)
})

function parsed(seq: number, bytes: Uint8Array): StoredEvent {
  return Object.assign(JSON.parse(new TextDecoder().decode(bytes)), { seq })
}

function summaryOf(events: readonly RunEvent[]): RunSummary | undefined {
  const [first] = events
  if (!first) return undefined
  const fold = new RunFold('r-1', first)
  for (const event of events) fold.add(event)
  return fold.summary()
}

test('a run of skimmed events is summed up as one of parsed events is', () => {
  let skimmed = 0
  fc.assert(
    fc.property(fc.array(entry, { minLength: 1, maxLength: 12 }), (entries) => {
      const plain = entries.map((bytes, seq) => parsed(seq, bytes))
      const skimming = entries.map((bytes, seq) => {
        const event = skimEvent(seq, bytes, parsed)
        if (event) skimmed++
        return event ?? parsed(seq, bytes)
      })
      const summary = attempt(() => summaryOf(plain))
      expect(attempt(() => summaryOf(skimming))).toStrictEqual(summary)
    }),
    { numRuns: 1000 },
  )
  expect(skimmed).toBeGreaterThan(300)
})

test.each([
  ['a field of the envelope behind the data', '"data":{"callId":"a"},"tenantId":"t-2"}'],
  ['a name with escapes', '"data":{"callId":"a"},"t\\u0065nantId":"t-2"}'],
  ['data that comes twice', '"data":{"callId":"a"},"data":{"callId":"b"}}'],
])('%s is taken as JSON takes it', (_, rest) => {
  const head =
    '{"v":1,"id":"i","type":"tool_call_started","time":"2026-05-01T12:00:00.000000000Z","recordedAt":"2026-05-01T12:00:00.000000000Z","tenantId":"t-1","sessionId":"s","runId":"r-1","source":{"convention":"c","scope":"s"},'
  const bytes = Buffer.from(`${head}${rest}`)
  const plain = parsed(0, bytes)
  const event = skimEvent(0, bytes, parsed) ?? plain
  expect({ tenantId: event.tenantId, data: event.data }).toEqual({ tenantId: plain.tenantId, data: plain.data })
})

test('the data of an entry is parsed when somebody asks for it, and the text around it never', () => {
  const head =
    '{"v":1,"id":"i","type":"custom","time":"2026-05-01T12:00:00.000000000Z","recordedAt":"2026-05-01T12:00:00.000000000Z","tenantId":"t-1","sessionId":"s","runId":"r-1","source":{"convention":"c","scope":"s"},"data":'
  const ofWhole = (json: string) => skimEvent(7, Buffer.from(json), () => expect.fail('the whole entry is parsed'))
  expect(ofWhole(`${head}{"name":"n","deep":{"er":[1]}}}`)).toMatchObject({ seq: 7, data: { deep: { er: [1] } } })
  let whole = 0
  const counting = (seq: number, bytes: Uint8Array) => {
    whole++
    return parsed(seq, bytes)
  }
  const altered = skimEvent(7, Buffer.from(`${head}{"name":"ü"},"altered":[]}`), counting)
  expect(whole).toBe(0)
  expect(altered?.data).toEqual({ name: 'ü' })
  expect(altered?.data).toEqual({ name: 'ü' })
  expect(whole).toBe(1)
})

function attempt(summarise: () => RunSummary | undefined): unknown {
  try {
    return summarise()
  } catch (problem) {
    return (problem as Error).message
  }
}
