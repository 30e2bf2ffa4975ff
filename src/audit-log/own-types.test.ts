import * as v from 'valibot'
import { expect, onTestFinished, test } from 'vitest'
import { startAuditedSdk } from '../../test/support/audited-sdk.js'
import { content } from '../events/content.js'
import type { RecordInput } from '../log/contract.js'
import { recordEvent } from '../record/index.js'
import { memoryStore } from '../store/memory/index.js'
import { openAuditLog } from './index.js'

const parcel_sent = v.strictObject({ parcelId: v.string(), to: v.object({ zip: v.string() }) })
const record = recordEvent as unknown as (type: string, data: unknown) => void

async function logWith(
  eventTypes: Parameters<typeof openAuditLog>[0] extends infer _ ? Record<string, v.GenericSchema> : never,
) {
  const problems: string[] = []
  const log = await openAuditLog({
    store: memoryStore(),
    eventTypes,
    on: { problem: ({ message }) => problems.push(message) },
  })
  onTestFinished(() => log.close())
  const found = async (type: string) => await log.events({ type: type as 'custom' }).toArray()
  return { log, problems, found }
}

test('an event of an own type that is recorded by hand is checked, and never lost', async () => {
  const { log, problems, found } = await logWith({ parcel_sent })
  startAuditedSdk({ log })
  record('parcel_sent', { parcelId: 'p-1', to: { zip: '10115' } })
  for (let n = 0; n < 2; n++) record('parcel_sent', { parcelId: 'p-2', to: { zip: 10_115 } })
  record('parcel_lost', { parcelId: 1 })
  const [right, ...wrong] = await found('parcel_sent')
  expect(right?.altered).toBeUndefined()
  expect(wrong).toMatchObject(
    Array.from({ length: 2 }, () => ({
      data: { parcelId: 'p-2', to: { zip: 10_115 } },
      altered: [{ field: 'data.to.zip', reason: 'invalid' }],
    })),
  )
  expect(problems).toEqual([expect.stringMatching(/'parcel_sent'.*data\.to\.zip/)])
  expect((await found('parcel_lost'))[0]?.altered).toBeUndefined()
})

test('a schema that throws, or answers later, costs no event', async () => {
  const failing = {
    '~standard': {
      version: 1 as const,
      vendor: 'x',
      validate: () => {
        throw new Error('no')
      },
    },
  }
  const late = { '~standard': { version: 1 as const, vendor: 'x', validate: async () => ({ value: 1 }) } }
  const { log, problems, found } = await logWith({ failing, late } as never)
  for (const type of ['failing', 'late']) log.record({ type, data: {} } as unknown as RecordInput)
  for (const type of ['failing', 'late']) {
    expect((await found(type))[0]?.altered).toEqual([{ field: 'data', reason: 'invalid' }])
  }
  expect(problems).toHaveLength(2)
})

test('a schema checks what a mark encloses, and the mark stays', async () => {
  const { log, problems, found } = await logWith({ parcel_sent })
  const append = log.append as (event: unknown) => Promise<unknown>
  await append.call(log, { type: 'parcel_sent', data: { parcelId: 'p-1', to: content({ zip: '10115' }) } })
  log.record({
    type: 'parcel_sent',
    data: { parcelId: content('p-2'), to: { zip: '10115' } },
  } as unknown as RecordInput)
  const wrong = append.call(log, { type: 'parcel_sent', data: { parcelId: content(3), to: { zip: '10115' } } })
  await expect(wrong).rejects.toMatchObject({
    code: 'AUDIT_EVENT_INVALID',
    message: expect.stringContaining('parcelId'),
  })
  expect(problems).toEqual([])
  expect(await found('parcel_sent')).toMatchObject([
    { data: { parcelId: 'p-1' }, content: { items: [{ field: 'data.to', level: 'content' }] } },
    { data: { to: { zip: '10115' } }, content: { items: [{ field: 'data.parcelId', level: 'content' }] } },
  ])
})
