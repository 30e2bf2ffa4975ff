import { describe, expect, test } from 'vitest'
import { catalogue } from '../events/catalogue.js'
import { RESERVED_TYPES } from '../events/reserved.js'
import * as record from './index.js'
import { recordListeners } from './listeners.js'

/** The log finds out itself that a run was interrupted. */
const FOUND_BY_THE_LOG = 'run_interrupted'
const TYPES = Object.keys(catalogue).filter((type) => !RESERVED_TYPES.has(type) && type !== FOUND_BY_THE_LOG)

function functionNameOf(type: string): string {
  return `record_${type}`.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
}

function typeRecordedBy(name: string): string | undefined {
  const recordIt = Reflect.get(record, name) as (data: unknown, options: unknown) => void
  const recorded: string[] = []
  const listener = { hears: () => false, onRecord: (event: string) => void recorded.push(event) }
  recordListeners().add(listener)
  recordIt({}, {})
  recordListeners().delete(listener)
  return recorded[0]?.replace('spanledger.', '')
}

describe('the name of a recording function', () => {
  test('is `record` and the event type in camel case, for every type that an application can record', () => {
    const names = Object.keys(record).filter((name) => name.startsWith('record') && name !== 'recordEvent')
    expect(names.sort()).toEqual(TYPES.map(functionNameOf).sort())
  })

  test.each(TYPES)('%s: its function records that type', (type) => {
    expect(typeRecordedBy(functionNameOf(type))).toBe(type)
  })
})
