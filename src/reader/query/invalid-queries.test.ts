import { describe, expect, test } from 'vitest'
import { filled, readerOf, unchecked } from '../../../test/reader/reader-of.js'
import { storedId } from '../../events/ids.js'
import { memoryStore } from '../../store/memory/index.js'
import { sealedEntry } from '../../testing/index.js'

const noon = '2026-05-01T12:00:00Z'

describe('a query that cannot be meant', () => {
  const reader = readerOf(memoryStore())

  test.each<[query: unknown, message: RegExp]>([
    [{ sesionId: 's' }, /sesionId: no such field; did you mean 'sessionId'/],
    [JSON.parse('{"__proto__": 1}'), /__proto__: no such field/],
    [{ toString: 's' }, /toString: no such field/],
    [null, /query: expected an object/],
    ['s-1', /query: expected an object/],
    [[], /query: expected an object/],
    [new Map(), /query: expected an object/],
    [{ tenantId: undefined }, /tenantId: is undefined; leave the field out/],
    [{ tenantId: '' }, /tenantId: expected a non-empty string/],
    [{ sessionId: 7 }, /sessionId: expected a non-empty string, not 7/],
    [{ runId: null }, /runId: /],
    [{ agent: { name: 'writer' } }, /agent: expected a non-empty string, not an object/],
    [{ actorId: { id: 'u-1' } }, /actorId: expected a non-empty string, not an object/],
    [{ tool: '' }, /tool: expected a non-empty string/],
    [{ tool: undefined }, /tool: is undefined; leave the field out/],
    [{ type: [] }, /type: an empty list/],
    [{ type: new Array(1) }, /type: expected a non-empty string, not undefined/],
    [{ since: 'yesterday' }, /since: expected an RFC 3339 time such as .*, not 'yesterday'/],
    [{ since: '2026-02-30T00:00:00Z' }, /since: /],
    [{ until: new Date(Number.NaN) }, /until: .* not an invalid Date/],
    [{ until: Number.POSITIVE_INFINITY }, /until: /],
    [{ since: noon, until: noon }, /since: .* is not before until/],
    [{ since: noon, until: '2026-05-01T11:00:00Z' }, /since: /],
    [{ afterSeq: -2 }, /afterSeq: expected a whole number of at least -1/],
    [{ afterSeq: 1.5 }, /afterSeq: /],
    [{ afterSeq: '3' }, /afterSeq: .* not '3'/],
    [{ beforeSeq: 2 ** 53 }, /beforeSeq: /],
    [{ afterSeq: 3, beforeSeq: 3 }, /afterSeq: 3 is not less than beforeSeq/],
    [{ order: 'newest' }, /order: expected one of 'asc', 'desc', not 'newest'/],
    [{ limit: 0 }, /limit: expected a whole number of at least 1, not 0/],
    [{ limit: Symbol('ten') }, /limit: /],
  ])('%o is an error that names the field', async (query, message) => {
    const expected = expect.objectContaining({ code: 'AUDIT_QUERY_INVALID', message: expect.stringMatching(message) })
    const asked = query as Record<never, never>
    expect(() => reader.events(asked)).toThrow(expected)
  })

  test.each<[query: unknown, message: RegExp]>([
    [{ minTotalTokens: -1 }, /minTotalTokens: expected a whole number of at least 0, not -1/],
    [{ minTotalTokens: 1.5 }, /minTotalTokens: /],
    [{ minCostUsd: '1' }, /minCostUsd: expected a number of at least 0, not '1'/],
    [{ minCostUsd: Number.NaN }, /minCostUsd: .* not NaN/],
    [{ minDurationMs: Infinity }, /minDurationMs: /],
    [{ minDurationMs: -0.5 }, /minDurationMs: /],
    [{ minTotalToken: 1 }, /minTotalToken: no such field; did you mean 'minTotalTokens'/],
    [{ tool: 'search' }, /tool: no such field/],
    [{ actorId: 7 }, /actorId: expected a non-empty string, not 7/],
    [{ status: 'faild' }, /status: expected one of 'running', .*, not 'faild'/],
    [{ since: noon, until: noon }, /since: .* is not before until/],
  ])('of runs, %o is an error that names the field', (query, message) => {
    const expected = expect.objectContaining({ code: 'AUDIT_QUERY_INVALID', message: expect.stringMatching(message) })
    expect(() => reader.runs(query as object)).toThrow(expected)
  })

  test.each(['sessions', 'agents'] as const)('of %s, it is an error that names the field', (list) => {
    for (const [query, field] of [
      [{ type: 'custom' }, /type/],
      [{ limit: -1 }, /limit/],
      [{ until: 'soon' }, /until/],
    ] as const) {
      expect(() => reader[list](query as object)).toThrow(field)
    }
  })

  test('a type longer than an event can store is looked for as it is stored', async () => {
    const type = 'x'.repeat(2000)
    const stored = readerOf(await filled(memoryStore(), [[sealedEntry(unchecked({ type: storedId(type), data: {} }))]]))
    expect(await stored.events({ type }).count()).toBe(1)
    expect(await stored.events({ type }).toArray()).toHaveLength(1)
  })

  test.each([-1, 0.5, Number.NaN, '0'])('the position %s is an error', async (seq) => {
    await expect(reader.get(seq as number)).rejects.toMatchObject({ code: 'AUDIT_QUERY_INVALID' })
  })

  test('a huge value makes no huge message', () => {
    expect(() => reader.events({ since: 'x'.repeat(1e6) })).toThrow(/^.{1,400}$/)
    expect(() => reader.events({ ['x'.repeat(1e6)]: 1 })).toThrow(/^.{1,400}$/)
  })
})
