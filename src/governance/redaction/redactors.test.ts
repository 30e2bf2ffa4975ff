import { describe, expect, it } from 'vitest'
import { PASS, redact } from '../../../test/support/redacted.js'
import { createRedaction } from './redaction.js'
import { OwnRedactors } from './redactors.js'

const about = { field: 'data.error.message', class: 'diagnostic', type: 'run_failed', tenantId: 't' } as const

describe('redactors of the application', () => {
  const own = (redactor: (text: string) => unknown, now?: () => number) =>
    new OwnRedactors({ names: redactor as (text: string) => string }, now)

  it('changes texts, and counts', () => {
    expect(
      redact(
        { a: 'Ann', b: 'Bob' },
        {},
        own((text) => text.replace('Ann', '***')),
      ),
    ).toEqual({
      value: { a: '***', b: 'Bob' },
      found: [{ by: 'names', count: 1 }],
    })
  })

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('no')
      },
    ],
    ['returns a number', () => 1],
    ['returns an object', () => ({})],
    ['returns a promise that rejects', () => Promise.reject(new Error('late'))],
    ['returns a text that is too long', () => 'x'.repeat(1_100_000)],
  ])('leaves the item out when one %s', (_, redactor) => {
    expect(redact('text', {}, own(redactor))).toMatchObject({ value: undefined, failed: 'names' })
  })

  it('leaves out what one records itself', () => {
    const inner: unknown[] = []
    const parts = own((text) => {
      inner.push(redaction.redact({ ...about, value: 'again' }))
      return text
    })
    const redaction = createRedaction(parts)
    expect(redaction.redact({ ...about, value: 'text' })).toMatchObject({ value: 'text' })
    expect(inner).toEqual([{ value: undefined, found: [], failed: 'names' }])
  })

  it('switches one off that is over its budget three times, and says so once', () => {
    let now = 0
    const redaction = createRedaction(
      own(
        () => {
          now += 6
          return undefined
        },
        () => now,
      ),
    )
    for (let time = 0; time < 3; time++) expect(redaction.redact({ ...about, value: 'text' }).failed).toBeUndefined()
    expect(redaction.takeDisabled()).toEqual([{ redactor: 'names', budgetMs: 5 }])
    expect(redaction.redact({ ...about, value: 'text' }).failed).toBe('names')
    expect(redaction.takeDisabled()).toEqual([])
  })

  it.each<[string, Record<string, unknown>, string]>([
    ['no function', { names: 5 }, "redactors: 'names' must be a function, or { redact, budgetMs }"],
    ['nothing', { names: null }, "redactors: 'names' must be a function, or { redact, budgetMs }"],
    ['no redact', { names: { budgetMs: 5 } }, "redactors: 'names' must be a function, or { redact, budgetMs }"],
    [
      'another option',
      { names: { redact: () => undefined, budget: 5 } },
      "redactors: 'names' has an unknown option 'budget'; there are redact and budgetMs",
    ],
    [
      'no budget',
      { names: { redact: () => undefined, budgetMs: 0 } },
      "redactors: budgetMs of 'names' must be a number of milliseconds above 0",
    ],
    ['no name', { '': () => undefined }, 'redactors: a name has 1 to 100 characters'],
    [
      'the name of a detector',
      { email: () => undefined },
      "redactors: 'email' is the name of a detector; choose another one",
    ],
    [
      'the name of all',
      { detectors: () => undefined },
      "redactors: 'detectors' is the name of a detector; choose another one",
    ],
  ])('refuses one with %s', (_, given, message) => {
    expect(() => new OwnRedactors(given as ConstructorParameters<typeof OwnRedactors>[0])).toThrow(
      new TypeError(message),
    )
  })

  it('has each redactor get what the one before has left, and what the detectors have', () => {
    const seen: string[] = []
    const parts = new OwnRedactors({
      first: (text) => {
        seen.push(text)
        return text.replace('Ann', '***')
      },
      second: (text) => {
        seen.push(text)
        return undefined
      },
    })
    expect(redact(`Ann, password=${PASS}`, {}, parts).found).toEqual([
      { by: 'secret', count: 1 },
      { by: 'first', count: 1 },
    ])
    expect(seen).toEqual(['Ann, password=*******-**', '***, password=*******-**'])
  })

  it('counts what takes too long even where it throws', () => {
    let now = 0
    const redaction = createRedaction(
      own(
        () => {
          now += 6
          throw new Error('no')
        },
        () => now,
      ),
    )
    for (let time = 0; time < 3; time++) expect(redaction.redact({ ...about, value: 'text' }).failed).toBe('names')
    expect(redaction.takeDisabled()).toEqual([{ redactor: 'names', budgetMs: 5 }])
  })

  it('goes by a budget of its own', () => {
    let now = 0
    const parts = new OwnRedactors(
      {
        names: {
          redact: () => {
            now += 6
            return undefined
          },
          budgetMs: 7,
        },
      },
      () => now,
    )
    const redaction = createRedaction(parts)
    for (let time = 0; time < 5; time++) redaction.redact({ ...about, value: 'text' })
    expect(redaction.takeDisabled()).toEqual([])
  })
})
