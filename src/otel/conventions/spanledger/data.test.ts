import type { Attributes } from '@opentelemetry/api'
import fc from 'fast-check'
import * as v from 'valibot'
import { describe, expect, test } from 'vitest'
import { DIGEST, factOf } from '../../../../test/support/spanledger-spans.js'
import { catalogue, timestampSchema } from '../../../events/catalogue.js'
import { RESERVED_TYPES } from '../../../events/reserved.js'
import { attributesFromData, jsonAttributes } from '../../../record/attributes.js'
import type { Convention } from '../contract.js'
import { spanledgerConvention } from './spanledger.js'

const { translate } = spanledgerConvention as Required<Convention>

/** Types whose fields are attributes each: the log's own are not carried by telemetry, and `custom` has no fixed fields. */
const isCarried = (type: string) => type !== 'custom' && !RESERVED_TYPES.has(type)

describe('what was recorded is read back as it was', () => {
  interface SchemaNode extends v.GenericSchema {
    readonly entries?: Readonly<Record<string, SchemaNode>>
    readonly wrapped?: SchemaNode
    readonly item?: SchemaNode
    readonly options?: readonly string[]
    readonly pipe?: readonly { readonly type: string }[]
  }

  function valid(schema: SchemaNode): fc.Arbitrary<unknown> {
    const demands = (action: string) => schema.pipe?.some(({ type }) => type === action) ?? false
    if (schema.wrapped) return fc.option(valid(schema.wrapped), { nil: undefined })
    if (schema.entries) {
      return fc.record(Object.fromEntries(Object.entries(schema.entries).map(([key, entry]) => [key, valid(entry)])))
    }
    if (schema.item) return fc.array(valid(schema.item), { maxLength: 5 })
    if (schema.options) return fc.constantFrom(...schema.options)
    if (schema === timestampSchema) return fc.date({ noInvalidDate: true, max: new Date('9999-12-31') }).map(rfc3339)
    // A list or an object travels as JSON text, which the log takes for the same value.
    if (schema.type === 'unknown') return fc.oneof(fc.string({ unit: 'binary' }), fc.integer(), fc.boolean())
    // Digests are the only texts of a form.
    if (demands('regex')) return fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => `sha256:${hex(bytes)}`)
    if (schema.type === 'string') return fc.string({ unit: 'binary', minLength: demands('min_length') ? 1 : 0 })
    return demands('safe_integer')
      ? fc.nat({ max: Number.MAX_SAFE_INTEGER })
      : fc.double({ min: 0, noNaN: true, noDefaultInfinity: true })
  }

  function hex(bytes: Uint8Array): string {
    return Buffer.from(bytes).toString('hex')
  }

  function rfc3339(date: Date): string {
    return new Date(Math.max(date.getTime(), 0)).toISOString()
  }

  const flattened = Object.fromEntries(Object.entries(catalogue).filter(([type]) => isCarried(type)))

  test.each(Object.entries<SchemaNode>(flattened))('%s', (type, schema) => {
    fc.assert(
      fc.property(valid(schema), (data) => {
        expect(v.is(schema, data)).toBe(true)
        const fact = factOf(type, attributesFromData(data))
        expect(fact).toMatchObject({ type, altered: undefined })
        expect(fact.data).toEqual(data)
      }),
    )
  })

  test.each(Object.entries<SchemaNode>(flattened))('%s, as JSON', (type, schema) => {
    fc.assert(
      fc.property(valid(schema), (data) => {
        const fact = factOf(type, jsonAttributes(data))
        expect(fact).toMatchObject({ type, altered: undefined })
        expect(fact.data).toEqual(data)
      }),
      { numRuns: 20 },
    )
  })

  const json = fc.dictionary(fc.string(), fc.jsonValue()).map((data): object => JSON.parse(JSON.stringify(data)))

  test('custom events', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), json, (name, data) => {
        const fact = factOf('custom', { 'spanledger.name': name, ...jsonAttributes(data) })
        expect(fact.data).toEqual({ ...data, name })
      }),
    )
  })

  test('types of the user’s own', () => {
    fc.assert(
      fc.property(fc.oneof(json, fc.array(fc.jsonValue())), (data) => {
        const fact = factOf('invoice_sent', jsonAttributes(data))
        expect(fact.type).toBe('invoice_sent')
        expect(JSON.stringify(fact.data)).toBe(JSON.stringify(data))
      }),
    )
  })
})

describe('what other programs write', () => {
  test('numbers as text, text as numbers', () => {
    const usage = factOf('token_usage_updated', {
      'spanledger.input_tokens': '12',
      'spanledger.output_tokens': ' 3 ',
      'spanledger.model': 4,
    })
    expect(usage.data).toEqual({ inputTokens: 12, outputTokens: 3, totalTokens: 15, model: '4' })
    expect(usage.altered).toBeUndefined()
  })

  test('numbers of model parameters and of memory as text, and digests', () => {
    const started = factOf('run_started', {
      'spanledger.model_parameters.temperature': '0.2',
      'spanledger.model_parameters.max_tokens': '100',
      'spanledger.system_prompt_digest': DIGEST,
    })
    expect(started).toMatchObject({
      data: { modelParameters: { temperature: 0.2, maxTokens: 100 }, systemPromptDigest: DIGEST },
      altered: undefined,
    })
    const written = factOf('memory_written', { 'spanledger.tier': 'long', 'spanledger.records': '3' })
    expect(written).toMatchObject({ data: { tier: 'long', records: 3 }, altered: undefined })
  })

  test.each(['sha256:xyz', 'ABC', 'sha256:', 'the arguments themselves', 7, ['a']])(
    'a digest that is none, such as %j, is left out and told',
    (digest) => {
      const decided = factOf('policy_decision', {
        'spanledger.policy': 'refunds',
        'spanledger.verdict': 'deny',
        'spanledger.decider': 'committee',
        'spanledger.subject_digest': digest,
      })
      expect(decided.data).toEqual({ policy: 'refunds', verdict: 'deny' })
      expect(decided.altered).toEqual(
        expect.arrayContaining([
          { field: 'data.decider', reason: 'invalid' },
          { field: 'data.subjectDigest', reason: 'invalid' },
        ]),
      )
    },
  )

  test('a field that is wrong is left out, or replaced where it must be there; both are told', () => {
    const fact = factOf('tool_call_completed', {
      'spanledger.call_id': '',
      'spanledger.tool.name': ['x'],
      'spanledger.tool.type': 'function',
      'spanledger.duration_ms': -1,
    })
    expect(fact.data).toEqual({ callId: 'unknown', tool: { name: 'unknown', type: 'function' } })
    expect(fact.altered).toEqual([
      { field: 'data.callId', reason: 'invalid' },
      { field: 'data.tool.name', reason: 'invalid' },
      { field: 'data.durationMs', reason: 'invalid' },
    ])
  })

  test.each(Object.entries(catalogue).filter(([type]) => !RESERVED_TYPES.has(type)))(
    '%s without any field still makes a valid event',
    (type, schema) => {
      const { data } = factOf(type, {})
      expect(v.safeParse(schema, data).issues).toBeUndefined()
    },
  )

  test('a group that is missing is told once', () => {
    const failed = factOf('run_failed', {})
    expect(failed.data).toEqual({ error: { code: 'unknown' } })
    expect(failed.altered).toEqual([{ field: 'data.error', reason: 'missing' }])
    expect(factOf('run_started', {})).toMatchObject({ data: { agent: {} }, altered: undefined })
  })

  test('a picklist falls back on its least specific word', () => {
    expect(factOf('run_interrupted', { 'spanledger.reason': 'tea time' })).toMatchObject({
      data: { reason: 'abandoned' },
      altered: [{ field: 'data.reason', reason: 'invalid' }],
    })
  })

  test('an attribute that the type does not have is told', () => {
    expect(factOf('agent_handoff', { 'spanledger.to': 'b', 'spanledger.form': 'a', 'app.id': 1 })).toMatchObject({
      data: { to: 'b' },
      altered: [{ field: 'data.form', reason: 'removed' }],
    })
  })

  test('a type from the future keeps its fields', () => {
    const fact = factOf('agent_dreamed', {
      'spanledger.run.id': 'r',
      'spanledger.sheep_count': 3,
      'spanledger.of.electric_kind': true,
    })
    expect(fact).toMatchObject({
      type: 'agent_dreamed',
      data: { sheepCount: 3, of: { electricKind: true } },
    })
  })

  test('keys nested without end, or in each other’s way, stay keys', () => {
    const deep = 'a.'.repeat(1000)
    const { data } = factOf('agent_dreamed', {
      [`spanledger.${deep}`]: 1,
      'spanledger.b.c': 2,
      'spanledger.b': 1,
    })
    expect(data).toEqual({ [deep]: 1, b: 1, 'b.c': 2 })
  })
})

describe('JSON data', () => {
  test.each(['invoice_sent', 'custom'])('that is none stays text (%s)', (type) => {
    const fact = factOf(type, { 'spanledger.name': 'n', 'spanledger.data': '{"cut":' })
    expect(fact.data).toMatchObject({ text: '{"cut":' })
    expect(fact.altered).toEqual([{ field: 'data', reason: 'invalid' }])
  })

  test('that is no object becomes a value', () => {
    expect(factOf('invoice_sent', { 'spanledger.data': '7' }).data).toEqual({ value: 7 })
    expect(factOf('invoice_sent', { 'spanledger.data': 'null' }).data).toEqual({ value: null })
    expect(factOf('custom', { 'spanledger.name': 'n', 'spanledger.data': '[7]' }).data).toEqual({
      name: 'n',
      value: [7],
    })
  })

  test('may come unserialised in a log record', () => {
    const attributes = { 'spanledger.data': { invoiceId: 1 } } as unknown as Attributes
    const facts = translate({ name: 'spanledger.invoice_sent', attributes, scope: { name: 'x' }, activity: undefined })
    expect(facts).toMatchObject([{ data: { invoiceId: 1 } }])
  })

  test('of a custom event needs a name', () => {
    expect(factOf('custom', { 'spanledger.data': '{"name":"inside"}' })).toMatchObject({
      data: { name: 'inside' },
      altered: undefined,
    })
    expect(factOf('custom', { 'spanledger.data': '{"name":7,"a":1}' })).toMatchObject({
      data: { name: 'unknown', a: 1 },
      altered: [{ field: 'data.name', reason: 'invalid' }],
    })
  })
})

describe('what the writer had to change', () => {
  test('is handed on, and not told twice', () => {
    const fact = factOf('token_usage_updated', attributesFromData({ inputTokens: Number.NaN, outputTokens: 1 }))
    expect(fact.data).toEqual({ inputTokens: 0, outputTokens: 1, totalTokens: 1 })
    expect(fact.altered).toEqual([{ field: 'data.inputTokens', reason: 'not_json' }])
  })

  test.each(['no JSON', '{}', '[{"field":1}]', '7'])('is ignored when it makes no sense (%s)', (text) => {
    expect(factOf('resumed', { 'spanledger.altered': text })).toMatchObject({ data: {}, altered: undefined })
  })
})
