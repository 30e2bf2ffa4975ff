import { parquetReadObjects } from 'hyparquet'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { content } from '../../src/events/content.js'
import { type ExportFormat, encodeEvents, exportLog } from '../../src/export/index.js'
import { type AuditLog, openAuditLog, openAuditLogReader } from '../../src/index.js'
import { directory, useTestDirectory } from '../support/test-directory.js'
import { bytesOf } from './samples.js'

useTestDirectory()

const policy = {
  name: 'everything',
  rules: [{ payload: 'content', diagnostics: 'content' }],
  pseudonyms: { actor: true },
} as const

const FORMULA = '=HYPERLINK("http://example.org";"x");\u0000\ud800@SUM(1)'
const ARGUMENTS = JSON.parse('{"__proto__":{"a":1},"list":[null,"\\u0000"],"q":"=1+1"}')
const FORMATS = ['events', 'csv', 'cloudevents', 'ocsf', 'otlp'] as const

let log: AuditLog
beforeEach(async () => {
  log = await openAuditLog(directory, { policy, on: { problem: () => {} } })
  const actor = { id: 'ann' }
  log.record({ type: 'error_occurred', actor, data: { operation: 'chat', error: { code: 'E', message: FORMULA } } })
  const call = { callId: 'c', tool: { name: 'search' }, durationMs: 1 }
  log.record({ type: 'tool_call_completed', actor, data: { ...call, arguments: ARGUMENTS, result: 'found it' } })
  log.record({ type: 'custom', data: { name: 'n', list: [content('in a list')] } })
  await log.flush()
})
afterEach(() => log.close())

const query = { type: ['error_occurred', 'tool_call_completed', 'custom'] }
const exported = async (format: ExportFormat, choice?: 'none' | 'diagnostics' | 'all') =>
  (await bytesOf(exportLog(log, { format, query, ...(choice && { content: choice }) }))).toString()

/** The events of a format that has them whole. */
const eventsIn = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
const WELL_FORMED = FORMULA.toWellFormed()

describe('an export', () => {
  test.each([...FORMATS, 'jsonl'] as const)('of %s has no content that was not asked for', async (format) => {
    const text = await exported(format)
    expect(text).toBe(await exported(format, 'none'))
    for (const said of ['HYPERLINK', '1+1', 'found it', 'in a list', '"ann"']) expect(text).not.toContain(said)
    expect(text).not.toContain('"status":"readable"')
  })

  test('puts content where it was taken from, and says so of each item', async () => {
    const [failed, called, custom] = eventsIn(await exported('events', 'all'))
    expect(failed.data.error.message).toBe(WELL_FORMED)
    expect(failed.actor).toEqual({ id: 'ann' })
    expect(JSON.stringify(called.data.arguments)).toBe(JSON.stringify(ARGUMENTS))
    expect(custom.data.list).toEqual(['in a list'])
    for (const { content: kept } of [failed, called, custom]) {
      for (const item of kept.items) expect(item.status).toBe('readable')
    }
  })

  test('of diagnostics says nothing of payload', async () => {
    const [failed, called, custom] = eventsIn(await exported('events', 'diagnostics'))
    expect(failed.data.error.message).toBe(WELL_FORMED)
    expect(called.data).not.toHaveProperty('arguments')
    expect(called.data).not.toHaveProperty('result')
    expect(custom.data.list).toEqual([null])
    const statusOf = new Map(called.content.items.map(({ field, status }: Record<string, string>) => [field, status]))
    expect(statusOf).toEqual(
      new Map([
        ['actor.id', 'readable'],
        ['data.arguments', undefined],
        ['data.result', undefined],
      ]),
    )
  })

  test('has the message where each format has such a thing', async () => {
    const [cloudEvent] = eventsIn(await exported('cloudevents', 'diagnostics'))
    expect(cloudEvent.data.data.error.message).toBe(WELL_FORMED)
    const [finding] = eventsIn(await exported('ocsf', 'diagnostics'))
    expect(finding).toMatchObject({
      status_detail: WELL_FORMED,
      unmapped: { data: { error: { message: WELL_FORMED } } },
    })
    expect(finding.unmapped.content.items).toContainEqual(expect.objectContaining({ status: 'readable' }))
    const [request] = eventsIn(await exported('otlp', 'diagnostics'))
    const record = request.resourceLogs[0].scopeLogs[0].logRecords[0]
    expect(JSON.stringify(record.body)).toContain(JSON.stringify(WELL_FORMED))
    const { value } = record.attributes.find(({ key }: { key: string }) => key === 'spanledger.content')
    expect(JSON.stringify(value)).toContain('{"key":"status","value":{"stringValue":"readable"}}')
  })

  test('of CSV has a column that says what is in the others, and no spreadsheet runs any of it', async () => {
    const text = await exported('csv', 'all')
    const [header, row] = text.split('\r\n')
    expect(header?.endsWith(',data,content')).toBe(true)
    const cells = [...(row ?? '').matchAll(/"((?:[^"]|"")*)"|([^",]+)/g)].map(([, quoted, plain]) =>
      quoted === undefined ? (plain ?? '') : quoted.replaceAll('""', '"'),
    )
    const [data, items] = cells.slice(-2)
    expect(JSON.parse(data ?? '')).toMatchObject({ error: { message: WELL_FORMED } })
    expect(JSON.parse(items ?? '')).toEqual([
      { field: 'data.error.message', class: 'diagnostic', status: 'readable' },
      { field: 'actor.id', class: 'diagnostic', status: 'readable' },
    ])
    // Where the semicolon parts cells, a formula would begin behind it.
    for (const cell of [data, items]) expect(cell).not.toMatch(/;/)
    expect(text.includes('\0')).toBe(false)
    expect(text.isWellFormed()).toBe(true)
  })

  test('of Parquet has the same column', async () => {
    const file = await bytesOf(exportLog(log, { format: 'parquet', query, content: 'all' }))
    const rows = await parquetReadObjects({ file: new Uint8Array(file).buffer })
    expect(JSON.parse(String(rows[0]?.data)).error.message).toBe(WELL_FORMED)
    expect(JSON.parse(String(rows[2]?.content))).toMatchObject([{ field: 'data.list.0', status: 'readable' }])
    const plain = await bytesOf(exportLog(log, { format: 'parquet', query }))
    expect(await parquetReadObjects({ file: new Uint8Array(plain).buffer })).not.toContainEqual(
      expect.objectContaining({ content: expect.anything() }),
    )
  })

  test('comes to its end without the keys, and says that it had none', async () => {
    const reader = await openAuditLogReader(directory, { contentKeys: false })
    for (const format of FORMATS) {
      const text = (await bytesOf(exportLog(reader, { format, query, content: 'all' }))).toString()
      expect(text).toContain('key_unavailable')
      expect(text).not.toContain('found it')
    }
    await reader.close()
  })

  test('leaves the leaf hashes of entries as they are', async () => {
    const bytes = await bytesOf(exportLog(log, { format: 'ocsf', ocsfVersion: '1.9.0', query, content: 'all' }))
    const plain = await bytesOf(exportLog(log, { format: 'ocsf', ocsfVersion: '1.9.0', query }))
    const hashesIn = (text: string) =>
      eventsIn(text).map(({ attestation_list: [{ fingerprint }] }) => fingerprint.value as string)
    expect(hashesIn(bytes.toString())).toEqual(hashesIn(plain.toString()))
  })

  test('of stored bytes refuses content, and so does a choice that is none', () => {
    expect(() => exportLog(log, { format: 'jsonl', content: 'all' })).toThrow(/use the format 'events'/)
    expect(() => exportLog(log, { format: 'csv', content: 'some' as never })).toThrow(/none, diagnostics, all/)
    expect(() => exportLog(log, { format: 'csv', query: { content: 'all' } as never })).toThrow(/beside format/)
  })

  test('of events that were read with their content has it as well', async () => {
    const events = log.events({ ...query, content: 'all' })
    const text = (await bytesOf(encodeEvents(events, { format: 'csv', content: 'all' }))).toString()
    expect(text).toBe(await exported('csv', 'all'))
  })
})

test('content keeps its members on the way to a thread that converts it', () => {
  expect(JSON.stringify(structuredClone(ARGUMENTS))).toBe(JSON.stringify(ARGUMENTS))
})
