import { diag } from '@opentelemetry/api'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { AGENT } from '../../test/support/agent-spans.js'
import { startAuditedSdk, startRecordingSdk } from '../../test/support/audited-sdk.js'
import { CollectingLog } from '../../test/support/collecting-log.js'
import type { Convention } from './conventions/contract.js'
import { AuditSpanProcessor } from './processor.js'

describe('what fails', () => {
  test('a log that throws costs neither the application nor the other logs, nor its own next event', () => {
    const { audit, tracer } = startAuditedSdk()
    const log = new CollectingLog()
    const failing = new CollectingLog()
    const recorded = vi.spyOn(failing, 'record').mockImplementationOnce(() => undefined)
    recorded.mockImplementationOnce(() => {
      throw new Error('disk on fire')
    })
    audit.attach(failing)
    audit.attach(log)
    tracer.startSpan('invoke_agent planner', { attributes: AGENT }).end()
    expect(log.types).toEqual(['run_started', 'run_completed'])
    expect(failing.types).toEqual(['run_completed'])
  })

  test('a convention that throws counts as one that does not know', () => {
    const broken: Convention = {
      name: 'broken',
      attributePrefixes: ['gen_ai.'],
      recognise: () => {
        throw new Error('bug')
      },
    }
    const { tracer, log } = startRecordingSdk({ conventions: [broken] })
    tracer.startSpan('invoke_agent planner', { attributes: AGENT }).end()
    expect(log.types).toEqual(['run_started', 'run_completed'])
  })

  test('a filter that throws lets the event pass', () => {
    const { audit, tracer } = startAuditedSdk()
    const log = new CollectingLog()
    audit.attach(log, {
      filter: () => {
        throw new Error('bug')
      },
    })
    tracer.startSpan('invoke_agent planner', { attributes: AGENT }).end()
    expect(log.types).toEqual(['run_started', 'run_completed'])
  })

  test('forceFlush and shutdown tell of every log that cannot be flushed, and do not reject', async () => {
    const problems: unknown[] = []
    const silent = () => {}
    const error = (_: string, problem: unknown) => void problems.push(problem)
    diag.setLogger({ info: silent, error, warn: silent, debug: silent, verbose: silent })
    onTestFinished(() => diag.disable())
    const audit = new AuditSpanProcessor()
    for (const message of ['no space', 'no disk']) {
      const log = new CollectingLog()
      vi.spyOn(log, 'flush').mockRejectedValue(new Error(message))
      audit.attach(log)
    }
    await audit.forceFlush()
    expect(problems).toEqual([new Error('no space'), new Error('no disk')])
    await audit.shutdown()
    expect(problems).toHaveLength(4)
  })

  test.each([
    [{ log: new CollectingLog(), location: './audit' }, 'not both'],
    [{ locaton: './audit' }, "did you mean 'location'"],
    [{ abandonAfterMillis: 1 }, 'abandonAfterMillis'],
    [{ conventions: [{ name: 'x' }] }, 'recognise'],
  ])('%o is refused', (options, message) => {
    expect(() => new AuditSpanProcessor(options as never)).toThrow(message)
  })

  test('attach after shutdown is refused, and shutdown can be repeated', async () => {
    const audit = new AuditSpanProcessor()
    await Promise.all([audit.shutdown(), audit.shutdown()])
    expect(() => audit.attach(new CollectingLog())).toThrow('shut down')
  })
})

test('spans of no agent kind leave no event', () => {
  const { tracer, log } = startRecordingSdk()
  tracer.startSpan('GET /', { attributes: { 'http.request.method': 'GET', 'server.address': 'a', gen: 'x' } }).end()
  expect(log.types).toEqual([])
})
