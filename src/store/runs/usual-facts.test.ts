import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { FiledEvent } from '../contract.js'
import { UsualEntry } from '../usual-entry.js'
import { decodeWithRun } from './decode-run.js'
import { UsualFacts } from './usual-facts.js'

const TRACE = 'f'.repeat(32)

/** The text of an entry that is sealed in the usual way, but for what follows the fields by which it is filed. */
const entry = fc
  .record({
    type: fc.constantFrom('custom', 'run_started', 'token_usage_updated', 'run_failed'),
    sessionId: fc.constantFrom('s', TRACE),
    run: fc.constantFrom('', ',"runId":"r"'),
    agent: fc.constantFrom('', ',"agent":{"name":"a"}'),
    rest: fc.constantFrom(
      '"source":{},"data":{"model":"m"}',
      '"source":{"confidence":"claimed"},"data":{}',
      '"source":{},"data":{"confidence":"claimed"}',
      '"source":{},"data":{},"source":{"confidence":"claimed"}',
      '"source":{"c\\u006fnfidence":"claimed"},"data":{}',
      `"trace":{"traceId":"${TRACE}","spanId":"e"},"source":{},"data":{}`,
      `"trace":{"traceId":"${TRACE.slice(1)}\\/","spanId":"e"},"source":{},"data":{"totalTokens":2}`,
      '"source":{},"data":{"model":"ключ","reason":"\\u0000"}',
      '"source":{},"data":{"error":{"code":"c","message":"m\\n"},"durationMs":-0}',
      '"data":{"usage":{"totalTokens":1e400}}',
    ),
  })
  .map(
    ({ type, sessionId, run, agent, rest }) =>
      `{"v":1,"id":"i","type":"${type}","time":"t","recordedAt":"t","tenantId":"t","sessionId":"${sessionId}"${run}${agent},${rest}}`,
  )

it('says what is told of a run where all of the entry is decoded, whatever stands beside it', () => {
  const [usual, facts] = [new UsualEntry(), new UsualFacts()]
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 6 }), (entries) => {
      const text = Buffer.from(entries.join('')).toString('latin1')
      let end = 0
      for (const each of entries) {
        const bytes = Buffer.from(each)
        const start = end
        end += bytes.length
        if (!usual.find(text, start, end)) continue
        const expected = decodeWithRun(bytes) as FiledEvent & { readonly run: unknown }
        expect(facts.of(usual, expected, () => bytes)).toEqual(expected.run)
      }
    }),
    { numRuns: 1_000 },
  )
})
