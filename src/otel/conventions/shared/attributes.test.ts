import { describe, expect, test } from 'vitest'
import { jsonMember } from './attributes.js'

/** More than is parsed. */
const padding = 'x'.repeat(300 * 1024)

describe('a member of JSON text', () => {
  test.each([
    ['that is parsed', ''],
    ['that is too long to be parsed', padding],
  ])('is the one of the outermost object, in text %s', (_, pad) => {
    const made = { usage: { inputTokens: 0 }, finishReason: 'interrupted' }
    const output = {
      pad,
      quoted: '"finishReason":"aborted"',
      escaped: '\\"}],"finishReason":"aborted"',
      finishReason: 'stop',
      usage: { inputTokens: 7 },
      request: { messages: [{ toolResponse: { output: made } }, [made]] },
    }
    expect(jsonMember(JSON.stringify(output), 'finishReason')).toBe('stop')
    expect(jsonMember(JSON.stringify(output), 'usage')).toEqual({ inputTokens: 7 })
    expect(jsonMember(JSON.stringify({ pad, request: made }), 'usage')).toBeUndefined()
  })

  test.each(['{"a":"', '{"a":"\\', '[[[{', '}]}]"usage":{}', '"usage":{"inputTokens":1}'])(
    'is none where the text is none of JSON: %s',
    (text) => {
      expect(jsonMember(text + padding, 'usage')).toBeUndefined()
    },
  )

  test('is not looked for in text beyond all measure', () => {
    expect(jsonMember(`{"pad":"${'x'.repeat(5 * 1024 * 1024)}","usage":{}}`, 'usage')).toBeUndefined()
  })
})
