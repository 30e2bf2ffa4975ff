import { parquetReadObjects } from 'hyparquet'
import { describe, expect, test } from 'vitest'
import { bytesOf, each, SAMPLE_TYPES, sampleEvent } from '../../test/export/samples.js'
import type { StoredEvent } from '../events/types.js'
import { COLUMN_NAMES } from './columns.js'
import type { ExportFormat } from './contract.js'
import { csvRow } from './csv.js'
import { encodeEvents } from './encode.js'
import { toOcsf } from './ocsf.js'

const APPROVALS = SAMPLE_TYPES.filter((type) => type.startsWith('tool_approval_'))
const source = { convention: 'ai-sdk', scope: 'ai' }
const of = (type: string, confidence: string) => sampleEvent(type, { source: { ...source, confidence } })

async function written(format: Exclude<ExportFormat, 'jsonl'>, event: StoredEvent): Promise<Buffer> {
  return bytesOf(encodeEvents(each([event]), { format }))
}

/** The place of the mark in each format, for a program that reads it. */
const MARKS: Readonly<Record<Exclude<ExportFormat, 'jsonl'>, (event: StoredEvent) => Promise<unknown>>> = {
  events: async (event) => JSON.parse((await written('events', event)).toString()).source.confidence,
  csv: async (event) => csvRow(event).split(',')[COLUMN_NAMES.indexOf('confidence')],
  cloudevents: async (event) => JSON.parse((await written('cloudevents', event)).toString()).confidence,
  ocsf: async (event) => JSON.parse((await written('ocsf', event)).toString()).confidence,
  otlp: async (event) => {
    const [resource] = JSON.parse((await written('otlp', event)).toString()).resourceLogs
    const { attributes } = resource.scopeLogs[0].logRecords[0]
    return attributes.find(({ key }: { key: string }) => key === 'spanledger.confidence')?.value.stringValue
  },
  parquet: async (event) => {
    const bytes = await written('parquet', event)
    const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer
    return (await parquetReadObjects({ file }))[0]?.confidence
  },
}

describe.each(Object.entries(MARKS))('an export as %s', (_, markOf) => {
  test.each(APPROVALS)('marks %s as what it is', async (type) => {
    expect(await markOf(of(type, 'claimed'))).toBe('claimed')
    expect(await markOf(of(type, 'heuristic'))).toBe('heuristic')
    expect((await markOf(sampleEvent(type))) || undefined).toBeUndefined()
  })
})

describe('OCSF', () => {
  test('makes no decision of a control, and no success, of what a client claims', () => {
    for (const type of ['tool_approval_granted', 'tool_approval_denied']) {
      const { action_id, disposition_id, status_id, status, message } = toOcsf(of(type, 'claimed'))
      expect({ action_id, disposition_id, status_id, status }).toEqual({
        action_id: 0,
        disposition_id: 0,
        status_id: 99,
        status: 'claimed',
      })
      expect(message).toContain('(claimed)')
    }
    expect(toOcsf(sampleEvent('tool_approval_granted'))).toMatchObject({ action_id: 1, status_id: 1 })
  })

  test('trusts no word of a newer version more than a claim', () => {
    expect(toOcsf(of('tool_approval_granted', 'rumoured'))).toMatchObject({ action_id: 0, status: 'rumoured' })
  })
})
