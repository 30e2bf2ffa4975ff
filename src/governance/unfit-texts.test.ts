import { describe, expect, test } from 'vitest'
import { memoryKeys } from '../content/keys/memory-keys.js'
import { fromTelemetry } from '../events/from-telemetry.js'
import type { RecordInput } from '../log/contract.js'
import { EventContent } from './event-content.js'
import type { AuditPolicy } from './policy/policy.js'
import { createRedaction } from './redaction/redaction.js'
import { OwnRedactors } from './redaction/redactors.js'

const CARD = ['4111', '1111', '1111', '1111'].join('')
const SENTENCE = 'Ann Smith asked on Monday whether her card was charged twice'
const PSEUDONYM = expect.stringMatching(/^pseudonym-[\da-f]{32}$/)

function taker(policy: Partial<AuditPolicy> = {}, keys = memoryKeys()) {
  const content = new EventContent(keys, () => true)
  const redaction = createRedaction(new OwnRedactors(undefined), policy.redact)
  const resolved = { policy: { name: 'p', ...policy }, digest: 'sha256:0', redaction }
  return {
    take: (event: object) => content.take(event as RecordInput, undefined, resolved),
    state: (event: object) => content.ofStatement(event as RecordInput, resolved),
  }
}

const call = (name: string, callId = 'c') =>
  fromTelemetry({
    type: 'tool_call_started',
    source: { convention: 'x', scope: 's' },
    data: { callId, tool: { name } },
  })

describe('a name from telemetry', () => {
  test.each([
    'search',
    'Research Assistant',
    'Senior Analyst for European Stock Markets',
    'mcp__weather__get',
    'models/gemini-2.5-pro',
    'arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-3-7-sonnet-20250219-v1:0',
    'RunnableParallel<context,question>',
    'Basic Assistant 2',
    'Token Counter v2',
    'Помощник по заказам',
    '天気予報エージェント',
    "Ann's bot",
    'tool-calls',
    'v1.2.3',
    'Dr. Watson',
  ])('%s stays', (name) => {
    const event = call(name)
    expect(taker().take(event)).toEqual({ input: event, content: undefined })
  })

  test.each([
    ['a sentence', SENTENCE],
    ['one that ends as such', 'Is this it, Ann? Yes.'],
    ['several lines', 'search\nfor Ann'],
    ['JSON', '{"name":"Ann"}'],
    [
      'a sentence without blanks',
      '注文した商品がまだ届いていないので調べてほしいと山田さんが月曜日に言っていたのですが本当でしょうか',
    ],
    ['200 words', 'word '.repeat(200)],
    ['a secret', `sk-${'proj'}-Zq8fJ2kLm9Xv4TnB7wRc3YhD6pGs1AaE`.repeat(6)],
  ])('that is %s is content, and a pseudonym stands for it', (_, name) => {
    const { input, content } = taker().take(call(name))
    expect(input.data).toEqual({ callId: 'c', tool: { name: PSEUDONYM } })
    expect(input.altered).toContainEqual({ field: 'data.tool.name', reason: 'invalid' })
    expect(content?.stated.items).toMatchObject([{ field: 'data.tool.name', class: 'diagnostic', level: 'content' }])
  })

  test('in which a detector finds something is masked', () => {
    const { input, content } = taker().take(call(`card ${CARD}`))
    expect(input.data).toEqual({ callId: 'c', tool: { name: 'card ************1111' } })
    expect(input.altered).toEqual([{ field: 'data.tool.name', reason: 'redacted', by: 'payment_card' }])
    expect(content).toBeUndefined()
    expect(taker({ redact: { payment_card: false } }).take(call(`card ${CARD}`)).content).toBeUndefined()
  })
})

describe('an id from telemetry', () => {
  test.each([SENTENCE, CARD, `${CARD}-2026-12-01T12:00:00Z`])('%s has one pseudonym in all events', (id) => {
    const { take, state } = taker()
    const [first, second] = [take({ ...call('t', id), sessionId: id }).input, take(call('u', id)).input]
    const callIdOf = ({ data }: RecordInput) => (data as { callId: string }).callId
    expect(callIdOf(first)).toEqual(PSEUDONYM)
    expect(callIdOf(second)).toBe(callIdOf(first))
    expect(first.sessionId).toBe(callIdOf(first))
    const statement = { type: 'run_identified', sessionId: id, data: { previous: { sessionId: id } } }
    expect(state(fromTelemetry(statement))).toMatchObject({
      sessionId: first.sessionId,
      data: { previous: { sessionId: first.sessionId } },
    })
    expect(callIdOf(taker().take(call('t', id)).input)).not.toBe(callIdOf(first))
  })

  test('that is fit stays, whatever it looks like', () => {
    for (const id of [
      'a1b2',
      'user@example.com',
      '0f2f9c0f-5b2d-4c94-9447-137a6d392ab6#x',
      'x'.repeat(300),
      '1795943466123',
    ]) {
      expect((taker().take(call('t', id)).input.data as { callId: string }).callId).toBe(id)
    }
  })
})

test('a number of the length of a card is none, and lists of names are looked through', () => {
  const data = { name: 'x', count: Number(CARD), tools: ['search', SENTENCE], nested: [{ note: SENTENCE }] }
  const { input } = taker().take(fromTelemetry({ type: 'custom', source: { convention: 'x', scope: 's' }, data }))
  expect(input.data).toEqual({ name: 'x', count: 0, tools: ['search', PSEUDONYM], nested: [{ note: PSEUDONYM }] })
  expect(data.tools[1]).toBe(SENTENCE)
})

test('the path of an altered field holds no text', () => {
  const altered = [{ field: `data.${SENTENCE}`, reason: 'removed', by: SENTENCE }]
  const { input } = taker().take({ ...call('t'), altered })
  expect(input.altered).toEqual([{ field: 'data', reason: 'removed' }])
})

test("an application's own statement stays, and so does what it records by itself", () => {
  const source = { convention: 'spanledger', scope: 'app' }
  const own = fromTelemetry({ type: 'custom', source, data: { name: 'note', text: SENTENCE } })
  expect(taker().take(own).input).toBe(own)
  const byHand = { type: 'tool_call_started', data: { callId: 'c', tool: { name: SENTENCE } } }
  expect(taker().take(byHand).input).toBe(byHand)
})

test('data that is cyclic is not recorded', () => {
  const cyclic: Record<string, unknown> = { name: 'x' }
  cyclic.self = cyclic
  const { input } = taker().take(
    fromTelemetry({ type: 'custom', source: { convention: 'x', scope: 's' }, data: cyclic }),
  )
  expect(input).toMatchObject({ data: {}, altered: [{ field: 'data', reason: 'unreadable' }] })
})
