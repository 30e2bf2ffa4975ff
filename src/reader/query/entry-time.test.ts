import fc from 'fast-check'
import { expect, test } from 'vitest'
import { timeOfEntry } from './entry-time.js'

const time = '2026-05-01T12:00:00.000000001Z'
const decoy = ',"time":"1999-12-31T23:59:59.999999999Z"'

test('the time of an entry is that of its envelope, or not told, whatever its strings say', () => {
  const text = fc.oneof(fc.string(), fc.constantFrom(decoy, `"${decoy}`, `\\"${decoy}`, '{', '\\', '"', '🙂{"'))
  fc.assert(
    fc.property(text, text, text, (id, type, name) => {
      // In the order of sealed entries.
      const event = { v: 1, id, type, time, recordedAt: decoy, data: { name, time: 'x', nested: { v: 1, time: 'y' } } }
      const bytes = Buffer.from(JSON.stringify(event))
      expect([time, undefined]).toContain(timeOfEntry(bytes))
      if (!`${id}${type}`.includes('{')) expect(timeOfEntry(bytes)).toBe(time)
    }),
  )
})

test.each([
  ['of something nested', `{"v":1,"data":{"a":1${decoy}},"time":"${time}"}`],
  ['cut short', '{"v":1,"time":"1999-12-31T23'],
  ['in another form', '{"v":1,"time":"1999-12-31T23:59:59Z"}'],
  ['not there', '{"v":1}'],
  ['of nothing', ''],
])('a time that is %s is not told', (_what, entry) => {
  expect(timeOfEntry(Buffer.from(entry))).toBeUndefined()
})
