import { expect, it } from 'vitest'
import { decodeEntry } from '../decode-entry.js'
import { filedEvent } from '../filed-event.js'
import { decodeWithRun } from './decode-run.js'

const TRACE = 'f'.repeat(32)

/** An entry that is sealed in the usual way, but for what follows the fields by which it is filed. */
function entry(rest: string, { type = 'custom', sessionId = 's', run = ',"runId":"r"' } = {}): Uint8Array {
  return Buffer.from(
    `{"v":1,"id":"i","type":"${type}","time":"t","recordedAt":"t","tenantId":"t","sessionId":"${sessionId}"${run},${rest}}`,
  )
}

const trace = (id: string) => `"trace":{"traceId":"${id}","spanId":"e"},"source":{},"data":{}`

it.each<[string, Uint8Array, object | undefined]>([
  ['nothing', entry('"source":{},"data":{}'), undefined],
  ['a claim', entry('"source":{"confidence":"claimed"},"data":{}'), { confidence: 'claimed' }],
  ['a claim told late', entry('"source":{},"data":{},"source":{"confidence":"claimed"}'), { confidence: 'claimed' }],
  ['a claim in hidden letters', entry('"source":{"c\\u006fnfidence":"claimed"},"data":{}'), { confidence: 'claimed' }],
  ['a word of its data', entry('"source":{},"data":{"confidence":"claimed"}'), undefined],
  ['a claim of no run', entry('"source":{"confidence":"claimed"},"data":{}', { run: '' }), undefined],
  ['a trace', entry(trace(TRACE)), undefined],
  ['a session that is its trace', entry(trace(TRACE), { sessionId: TRACE }), { isTraceSession: true }],
  ['a trace written with escapes', entry(trace('a\\/b'), { sessionId: 'a/b' }), { isTraceSession: true }],
  ['a session beyond ASCII', entry(trace('ключ'), { sessionId: 'ключ' }), { isTraceSession: true }],
  ['a model', entry('"source":{},"data":{"model":"m"}', { type: 'run_started' }), { model: 'm' }],
  ['a model of a custom event', entry('"source":{},"data":{"model":"m"}'), undefined],
  [
    'tokens',
    entry('"source":{},"data":{"totalTokens":3}', { type: 'token_usage_updated' }),
    { usage: { totalTokens: 3 } },
  ],
])('takes from stored bytes what an event tells of its run: %s', (_, bytes, run) => {
  const whole = decodeEntry(bytes)
  expect(whole && filedEvent(whole).run).toEqual(run)
  expect(decodeWithRun(bytes)).toMatchObject({ type: whole?.type, sessionId: whole?.sessionId })
  expect(decodeWithRun(bytes)?.run).toEqual(run)
})

it('is nothing for an entry that cannot be filed', () => {
  expect(decodeWithRun(Buffer.from('{"type":"run_started"}'))).toBeUndefined()
})
