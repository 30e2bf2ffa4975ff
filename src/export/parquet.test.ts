import { parquetMetadata, parquetReadObjects } from 'hyparquet'
import { describe, expect, test } from 'vitest'
import { bareEvent, bytesOf, each, HOSTILE_TEXTS, sampleEvent } from '../../test/export/samples.js'
import type { StoredEvent } from '../events/types.js'
import { encodeEvents } from './encode.js'

async function fileOf(events: Iterable<StoredEvent>): Promise<ArrayBuffer> {
  const bytes = await bytesOf(encodeEvents(each(events), { format: 'parquet' }))
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer
}

describe('Parquet', () => {
  test('has typed columns: positions, times to the microsecond, data as JSON', async () => {
    const events = [
      sampleEvent('run_started'),
      { ...bareEvent('resumed'), seq: 8, time: '0001-01-01T00:00:00.000001000Z' },
    ]
    const rows = await parquetReadObjects({ file: await fileOf(events as StoredEvent[]) })
    expect(rows).toMatchObject([
      {
        seq: 7n,
        time: new Date('2026-11-21T22:35:06.753Z'),
        type: 'run_started',
        runId: 'r-1',
        agentName: 'planner',
        data: '{"agent":{"id":"a-1","name":"planner"},"model":"m-1"}',
      },
      { seq: 8n, type: 'resumed', runId: null, agentName: null, data: '{}' },
    ])
    const { schema } = parquetMetadata(await fileOf([]))
    expect(schema.find(({ name }) => name === 'data')?.converted_type).toBe('UTF8')
    expect(schema.find(({ name }) => name === 'time')?.logical_type).toMatchObject({
      unit: 'MICROS',
      isAdjustedToUTC: true,
    })
  })

  test('has the number of the log beside the position, and the same columns where there is one log', async () => {
    const event = sampleEvent('run_started')
    const several = await fileOf([2, 0].map((log) => Object.assign(sampleEvent('run_started'), { log })))
    const one = await fileOf([event])
    const places = async (file: ArrayBuffer) =>
      (await parquetReadObjects({ file, columns: ['log', 'seq'] })).map(({ log, seq }) => [log, seq])
    expect(await places(several)).toEqual([
      [2, 7n],
      [0, 7n],
    ])
    expect(await places(one)).toEqual([[null, 7n]])
    const columns = (file: ArrayBuffer) => parquetMetadata(file).schema.map(({ name, type }) => [name, type])
    expect(columns(one)).toEqual(columns(several))
    expect(columns(one).slice(1, 3)).toEqual([
      ['seq', 'INT64'],
      ['log', 'INT32'],
    ])
  })

  test('keeps what somebody said', async () => {
    const said = HOSTILE_TEXTS.map((text, seq) => sampleEvent('custom', { seq, sessionId: text, data: { name: text } }))
    const rows = await parquetReadObjects({ file: await fileOf(said) })
    expect(rows.map(({ sessionId }) => sessionId)).toEqual(HOSTILE_TEXTS)
    expect(rows.map(({ data }) => JSON.parse(data))).toEqual(HOSTILE_TEXTS.map((name) => ({ name })))
  })

  test('is a file also without an event', async () => {
    expect(await parquetReadObjects({ file: await fileOf([]) })).toEqual([])
  })

  test('writes row groups as they fill, by number of events and by their size', async () => {
    let asked = 0
    function* many(count: number, name: string) {
      for (asked = 0; asked < count; asked++) yield sampleEvent('custom', { seq: asked, data: { name } })
    }
    const small = encodeEvents(each(many(50_000, 'n')), { format: 'parquet' })[Symbol.asyncIterator]()
    expect((await small.next()).value.length).toBeGreaterThan(0)
    expect(asked).toBeLessThan(20_001)
    await small.return?.()
    const { row_groups } = parquetMetadata(await fileOf(many(400, 'x'.repeat(60_000))))
    expect(row_groups.map(({ num_rows }) => Number(num_rows))).toEqual([140, 140, 120])
  })
})
