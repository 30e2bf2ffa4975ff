import { describe, expect, test } from 'vitest'
import { bareEvent, bytesOf, each, HOSTILE_TEXTS, sampleEvent } from '../../test/export/samples.js'
import { COLUMN_NAMES } from './columns.js'
import { csvRow } from './csv.js'
import { encodeEvents } from './encode.js'

/** As RFC 4180 has it: records end with CR LF, and a quoted field may hold anything. */
function parsed(text: string): string[][] {
  const records: string[][] = []
  let record: string[] = []
  for (const [, quoted, plain = '', end] of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/gy)) {
    record.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'))
    if (end === ',') continue
    records.push(record)
    record = []
  }
  return records
}

describe('CSV', () => {
  test('has a header, and a record for each event with an empty field for what it does not have', async () => {
    const text = (
      await bytesOf(encodeEvents(each([sampleEvent('run_started'), bareEvent('resumed')]), { format: 'csv' }))
    ).toString()
    const [header, full, bare, ...more] = parsed(text)
    expect(header).toEqual(COLUMN_NAMES)
    expect(more).toEqual([])
    expect(full).toEqual([
      '7',
      '2026-11-21T22:35:06.753000001Z',
      '2026-11-21T22:35:07.000000000Z',
      'run_started',
      'acme',
      's-1',
      'r-1',
      '',
      'a-1',
      'planner',
      'ada',
      '0af7651916cd43dd8448eb211c80319c',
      'b7ad6b7169203331',
      'e-1',
      'shop',
      '',
      '',
      '{"agent":{"id":"a-1","name":"planner"},"model":"m-1"}',
    ])
    expect(bare?.filter((field) => field !== '')).toHaveLength(8)
  })

  test.each(HOSTILE_TEXTS)('keeps %j in its field, and no spreadsheet runs it', (text) => {
    const [record] = parsed(csvRow(sampleEvent('custom', { sessionId: text, data: { name: text } })))
    expect(record).toHaveLength(COLUMN_NAMES.length)
    const session = record?.[COLUMN_NAMES.indexOf('sessionId')]
    expect(session?.replace(/^'/, '')).toBe(text)
    expect(session).toMatch(/^[^=+\-@\t\r\n＝＋－＠]/)
    expect(JSON.parse(record?.[COLUMN_NAMES.indexOf('data')] ?? '')).toEqual({ name: text })
  })
  test('lets no spreadsheet that parts cells by semicolons run the rest of a text', () => {
    const text = 'a;=1+1;"@x;\n-1\n"=2\t+3;＝4 b-c=d'
    const [record] = parsed(csvRow(sampleEvent('custom', { sessionId: text, data: { name: text } })))
    expect(record?.[COLUMN_NAMES.indexOf('sessionId')]).toBe(`a;'=1+1;"'@x;\n'-1\n"'=2\t'+3;'＝4 b-c=d`)
    const data = record?.[COLUMN_NAMES.indexOf('data')] ?? ''
    expect(data).not.toContain(';')
    expect(JSON.parse(data)).toEqual({ name: text })
  })

  test.each([
    ' =1',
    '\u00a0=1',
    '\t=1',
    '\r=1',
    '\ufeff=1',
    '\u200b+1',
    '\u{e0041}-1',
    '\u0000@x',
    '\u2003 \u0085=1',
    '"=1',
    '" \' =1',
    ' ＝1',
    '﹦1',
    '−1',
    '﹫x',
    '⁺1',
  ])('lets no spreadsheet that strips the beginning of a cell run %j', (text) => {
    const [record] = parsed(csvRow(sampleEvent('custom', { sessionId: text, data: {} })))
    expect(record?.[COLUMN_NAMES.indexOf('sessionId')]).toBe(`'${text}`)
  })

  test.each([
    ['a; =1', "a; '=1"],
    ['a;\u00a0"=1', `a;\u00a0"'=1`],
    ['a\n\ufeff=1', "a\n\ufeff'=1"],
    ['a\t +1', "a\t '+1"],
    ['b=c - d, e', 'b=c - d, e'],
    ['f 𝄞 =1', 'f 𝄞 =1'],
  ])('lets none run what follows a separator: %j', (text, safe) => {
    const [record] = parsed(csvRow(sampleEvent('custom', { sessionId: text, data: {} })))
    expect(record?.[COLUMN_NAMES.indexOf('sessionId')]).toBe(safe)
  })

  test('keeps numbers', () => {
    expect(csvRow({ ...sampleEvent('custom', { data: {} }), seq: -1.5 } as never)).toMatch(/^-1\.5,/)
  })

  test('takes time by the length of a text, whatever is in it', () => {
    const quotes = '"'.repeat(60_000)
    const [record] = parsed(csvRow(sampleEvent('custom', { sessionId: `;${quotes}=${quotes}`, data: {} })))
    expect(record?.[COLUMN_NAMES.indexOf('sessionId')]).toBe(`;${quotes}'=${quotes}`)
  })
})
