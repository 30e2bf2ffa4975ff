import { describe, expect, test } from 'vitest'
import type { RecordInput } from '../log/contract.js'
import { takeContent } from './content-taker.js'

function taken(error: unknown) {
  const input = { type: 'run_failed', data: { error } } as RecordInput
  const { data, values = [], altered = [] } = takeContent(input, input.data) ?? {}
  return { data, values: values.map(({ field, value }) => [field, value]), altered }
}

describe('an error leaves no text in its entry', () => {
  test('that is a text, or a list', () => {
    expect(taken('no answer for Ann')).toEqual({
      data: { error: { code: 'unknown' } },
      values: [['data.error.message', 'no answer for Ann']],
      altered: [{ field: 'data.error', reason: 'invalid' }],
    })
    expect(taken(['no', 'answer']).values).toEqual([['data.error.message', ['no', 'answer']]])
  })

  test('that its library added to it', () => {
    const error = Object.assign(new TypeError('no answer'), {
      requestBody: { prompt: 'Dear Ann' },
      'to Ann Smith': 'x',
    })
    const { data, values } = taken(error)
    expect(data).toEqual({ error: { code: 'TypeError' } })
    expect(Object.fromEntries(values)).toEqual({
      'data.error.message': 'no answer',
      'data.error.requestBody': { prompt: 'Dear Ann' },
      'data.error.other-3': { 'to Ann Smith': 'x' },
    })
  })

  test('that stands in place of its code', () => {
    const sentence = 'the card of Ann Smith in 12 Long Street was refused'
    expect(taken({ code: sentence })).toMatchObject({
      data: { error: { code: 'unknown' } },
      values: [['data.error.message', sentence]],
      altered: [{ field: 'data.error.code', reason: 'invalid' }],
    })
    expect(taken({ code: sentence, message: 'no' }).values).toEqual([
      ['data.error.code', sentence],
      ['data.error.message', 'no'],
    ])
  })

  test.each(['Timeout', 'AI_APICallError', 'HTTP 503 Service Unavailable', 'rate_limit_exceeded', '42P01'])(
    'and %s stays its code',
    (code) => {
      expect(taken({ code, message: 'no' })).toMatchObject({ data: { error: { code } }, altered: [] })
    },
  )
})
