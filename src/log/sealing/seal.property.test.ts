import { createHash } from 'node:crypto'
import fc from 'fast-check'
import * as v from 'valibot'
import { expect, test } from 'vitest'
import { envelopeFields } from '../../events/catalogue.js'
import type { RecordInput } from '../contract.js'
import { MAX_ENTRY_BYTES } from './plain.js'
import { type Sealed, Sealer } from './seal.js'

const sealer = new Sealer(() => [1_795_300_506, 7], 'test.example/log')
const storedEnvelope = v.looseObject({ ...envelopeFields, type: v.string(), data: v.looseObject({}) })

/** Any UTF-16: lone surrogates, NUL, quotes and all. */
const anyText = fc.array(fc.nat(0xffff), { maxLength: 20 }).map((units) => String.fromCharCode(...units))
const names = fc.constantFrom('__proto__', 'toJSON', 'constructor', 'id', 'callId', 'length', '', 'name', 'then')
const key = fc.oneof(names, anyText, fc.string())

const anything = fc.anything({
  key,
  maxDepth: 5,
  values: [fc.integer(), fc.double(), fc.boolean(), anyText, fc.constant(undefined), fc.constant(null)],
  withBigInt: true,
  withBoxedValues: true,
  withDate: true,
  withMap: true,
  withNullPrototype: true,
  withObjectString: true,
  withSet: true,
  withSparseArray: true,
  withTypedArray: true,
})

function throwing(): never {
  throw new Error('hostile')
}

/** Values that fight back, around values of any kind. */
const hostile = anything.chain((value) =>
  fc.constantFrom<unknown>(
    value,
    () => value,
    Symbol('s'),
    new Proxy([], { get: throwing }),
    new Proxy({}, { ownKeys: throwing }),
    new Proxy({}, { getPrototypeOf: throwing }),
    new Proxy([value], { get: (target, name) => (name === 'length' ? -5 : Reflect.get(target, name)) }),
    Object.defineProperty({}, 'getter', { get: throwing, enumerable: true }),
    { toJSON: throwing },
    { toJSON: () => value },
    Object.create({ inherited: value }),
    Object.assign(Object.create({ toJSON: () => value }), { own: 1 }),
    new (class Own {
      value = value
    })(),
    cyclic(value),
    Object.setPrototypeOf([value], null),
    new Date(Number.NaN),
    Object.assign(new Error('e'), { cause: value }),
  ),
)

function cyclic(value: unknown): object {
  const cycle: Record<string, unknown> = { value }
  cycle.self = { cycle: [cycle] }
  return cycle
}

function read({ entry: { bytes, leafHash }, event }: Sealed): Record<string, unknown> {
  expect(bytes.length).toBeLessThanOrEqual(MAX_ENTRY_BYTES)
  expect(Buffer.from(leafHash)).toEqual(createHash('sha256').update(Buffer.of(0)).update(bytes).digest())
  const text = Buffer.from(bytes).toString()
  expect(text.isWellFormed()).toBe(true)
  expect(Buffer.from(text)).toEqual(Buffer.from(bytes))
  const stored = JSON.parse(text) as Record<string, unknown>
  expect(JSON.stringify(event)).toBe(text)
  return stored
}

test('any data is sealed as a valid event', () => {
  fc.assert(
    fc.property(fc.oneof(hostile, fc.dictionary(key, hostile, { maxKeys: 10 })), (data) => {
      const stored = read(sealer.seal({ type: 'custom', data } as RecordInput, false))
      expect(v.safeParse(storedEnvelope, stored).issues).toBeUndefined()
    }),
    { numRuns: 300 },
  )
})

test('anything at all is sealed with a type, an id, a tenant and a session', () => {
  const fields = [
    'id',
    'type',
    'time',
    'tenantId',
    'sessionId',
    'runId',
    'parentRunId',
    'agent',
    'actor',
    'trace',
    'supersedes',
  ]
  const envelope = fc.record(
    Object.fromEntries([...fields, 'source', 'data', 'altered', 'v', 'seq'].map((field) => [field, hostile])),
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(fc.oneof(hostile, envelope), (input) => {
      const stored = read(sealer.seal(input as RecordInput, false))
      for (const field of ['id', 'type', 'time', 'recordedAt', 'tenantId', 'sessionId']) {
        expect(stored[field]).toEqual(expect.stringMatching(/./su))
      }
      expect(Object.keys(stored)).not.toContain('seq')
      expect(stored.data).toBeTypeOf('object')
    }),
    { numRuns: 300 },
  )
})

test('data of any size fits', () => {
  const size = fc.oneof(fc.nat(100), fc.nat(5000), fc.nat(300_000))
  const filler = fc.constantFrom('a', '"', '\u0001', 'é', '漢', '🙂', '\ud800')
  const large = fc.oneof(
    fc.tuple(filler, size).map(([unit, count]) => unit.repeat(count)),
    fc.tuple(filler, size).map(([unit, count]) => Array.from({ length: count % 6000 }, () => unit)),
    size.map((count) => Array.from({ length: count % 6000 }, (_, i) => i / 3)),
    fc
      .tuple(filler, size)
      .map(([unit, count]) =>
        Object.fromEntries(Array.from({ length: count % 6000 }, (_, i) => [`${unit.repeat(i % 300)}${i}`, i])),
      ),
    fc
      .tuple(filler, size)
      .map(([unit, count]) =>
        Array.from({ length: count % 300 }, (_, i) => ({ callId: unit.repeat(i * 5), text: unit.repeat(i * 50) })),
      ),
  )
  fc.assert(
    fc.property(fc.dictionary(key, large, { maxKeys: 6 }), (data) => {
      const stored = read(sealer.seal({ type: 'custom', data } as unknown as RecordInput, false))
      expect(stored.data).toBeTypeOf('object')
    }),
    { numRuns: 25 },
  )
})

test('clean data comes back as it went in, without alterations', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue({ maxDepth: 6 })), (data) => {
      const expected = JSON.parse(JSON.stringify(data)) as object
      const stored = read(sealer.seal({ type: 'custom', data } as unknown as RecordInput, false))
      expect(stored.altered).toBeUndefined()
      expect(stored.data).toEqual(expected)
    }),
    { numRuns: 200 },
  )
})
