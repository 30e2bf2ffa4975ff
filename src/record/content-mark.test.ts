import { describe, expect, test } from 'vitest'
import { factOf } from '../../test/support/spanledger-spans.js'
import { ContentValue, content } from '../events/content.js'
import { attributesFromData, jsonAttributes } from './attributes.js'

describe('a value that is declared to be content', () => {
  test('is one again for the log', () => {
    const data = { name: 'note', list: [1, content({ a: 'x' })], deep: { why: content('no', 'diagnostic') } }
    const fact = factOf('custom', { 'spanledger.name': 'note', ...jsonAttributes(data) })
    expect(fact.data).toEqual({
      name: 'note',
      list: [1, new ContentValue({ a: 'x' }, 'payload')],
      deep: { why: new ContentValue('no', 'diagnostic') },
    })
  })

  test('is one again in types of the application', () => {
    const fact = factOf('invoice_sent', jsonAttributes({ note: content('Ann called'), id: 7 }))
    expect(fact.data).toEqual({ note: new ContentValue('Ann called', 'payload'), id: 7 })
  })

  test('is any other value where the catalogue says what a field is', () => {
    const attributes = attributesFromData({ error: { code: 'E', message: content('no') }, operation: 'chat' })
    expect(attributes).toMatchObject({ 'spanledger.error.message': 'no' })
  })

  test('that somebody only wrote like one is content, and nothing breaks', () => {
    for (const json of [
      '{"$spanledger.content":"payload"}',
      '{"a":{"$spanledger.content":7,"value":1}}',
      '["$spanledger.content"]',
    ]) {
      expect(() => factOf('invoice_sent', { 'spanledger.data': json })).not.toThrow()
    }
    const deep = `${'{"a":'.repeat(1000)}{"$spanledger.content":"payload","value":1}${'}'.repeat(1000)}`
    expect(() => factOf('invoice_sent', { 'spanledger.data': deep })).not.toThrow()
  })
})
