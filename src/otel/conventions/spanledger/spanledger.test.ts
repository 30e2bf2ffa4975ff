import { SpanStatusCode } from '@opentelemetry/api'
import type { ReadableSpan } from '@opentelemetry/sdk-trace'
import { describe, expect, test } from 'vitest'
import { DIGEST, factOf, span } from '../../../../test/support/spanledger-spans.js'
import type { Conclusion, Convention } from '../contract.js'
import { spanledgerConvention } from './spanledger.js'

const { recognise, conclude, translate } = spanledgerConvention as Required<Convention>

const LINEAGE = { parent: undefined, run: undefined, runState: undefined }

function concluded(of: ReadableSpan): Conclusion {
  return conclude(of, { kind: 'run', agent: {} }, LINEAGE)
}

describe('a span', () => {
  test('is a run when it says so', () => {
    const activity = recognise(
      span({
        'spanledger.run.kind': 'agent',
        'spanledger.agent.id': 'a-1',
        'spanledger.agent.name': 'planner',
        'spanledger.model': 'm',
        'spanledger.trigger': 'user',
      }),
      'start',
      LINEAGE,
    )
    expect(activity).toEqual({ kind: 'run', agent: { id: 'a-1', name: 'planner' }, model: 'm', trigger: 'user' })
  })

  test('may name its agent and its model as OpenTelemetry does', () => {
    const kind = { 'spanledger.run.kind': 'agent', 'gen_ai.request.model': 'm' }
    expect(recognise(span({ ...kind, 'gen_ai.agent.name': 'planner' }), 'start', LINEAGE)).toMatchObject({
      agent: { name: 'planner' },
      model: 'm',
    })
    expect(recognise(span({ ...kind, 'gen_ai.workflow.name': 'nightly' }), 'start', LINEAGE)).toMatchObject({
      agent: { name: 'nightly' },
    })
  })

  test('may tell versions, parameters and digests of its start', () => {
    const activity = recognise(
      span({
        'spanledger.run.kind': 'agent',
        'spanledger.agent_version': '1.4.2',
        'gen_ai.request.temperature': 0.5,
        'spanledger.configuration_digest': DIGEST,
        'spanledger.system_prompt_digest': 'You are a planner',
        'spanledger.on_behalf_of': 'ada',
      }),
      'start',
      LINEAGE,
    )
    expect(activity).toMatchObject({
      details: {
        agentVersion: '1.4.2',
        modelParameters: { temperature: 0.5 },
        configurationDigest: DIGEST,
        onBehalfOf: 'ada',
      },
      altered: [{ field: 'data.systemPromptDigest', reason: 'invalid' }],
    })
    expect(JSON.stringify(activity)).not.toContain('You are')
  })

  test('is nothing of ours when it only says whose it is', () => {
    expect(recognise(span({ 'spanledger.session.id': 's' }), 'end', LINEAGE)).toBeUndefined()
    expect(recognise(span({ 'spanledger.run.kind': 7 }), 'end', LINEAGE)).toBeUndefined()
  })

  test('ends as its attributes say, whatever its status', () => {
    const cancelled = span({
      'spanledger.run.outcome': 'cancelled',
      'spanledger.run.reason': 'timeout',
      'spanledger.run.cancelled_by': 'u-1',
    })
    cancelled.setStatus({ code: SpanStatusCode.ERROR })
    expect(concluded(cancelled)).toMatchObject({ outcome: 'cancelled', reason: 'timeout', by: 'u-1', error: undefined })
    const suspended = span({
      'spanledger.run.outcome': 'suspended',
      'spanledger.run.reason': 'approval',
      'spanledger.run.waiting_for': 'u-2',
    })
    expect(concluded(suspended)).toMatchObject({ outcome: 'suspended', reason: 'approval', waitingFor: 'u-2' })
    const completed = span({ 'spanledger.run.outcome': 'completed', 'spanledger.run.finish_reason': 'stop' })
    expect(concluded(completed)).toMatchObject({ outcome: 'completed', finishReason: 'stop' })
  })

  test('ends by its status where its attributes say nothing of use', () => {
    const failed = span({ 'spanledger.run.outcome': 'exploded' })
    failed.recordException(new RangeError('too far'))
    failed.setStatus({ code: SpanStatusCode.ERROR })
    expect(concluded(failed)).toMatchObject({ outcome: 'failed', error: { code: 'RangeError', message: 'too far' } })
    expect(concluded(span({}))).toMatchObject({ outcome: 'completed', error: undefined })
  })

  test('learns the name of its agent late', () => {
    expect(concluded(span({ 'spanledger.agent.name': 'planner' }))).toMatchObject({ agent: { name: 'planner' } })
  })
})

describe('scope', () => {
  test('comes from the attributes of the event', () => {
    const fact = factOf('agent_handoff', {
      'spanledger.to': 'b',
      'spanledger.tenant.id': 't',
      'spanledger.session.id': 's',
      'spanledger.user.id': 'u',
      'spanledger.run.id': 'r',
      'spanledger.parent_run.id': 'p',
      'spanledger.agent.name': 'planner',
    })
    expect(fact.data).toEqual({ to: 'b' })
    expect(fact.scope).toEqual({
      tenantId: 't',
      sessionId: 's',
      userId: 'u',
      runId: 'r',
      parentRunId: 'p',
      agent: { name: 'planner' },
    })
    expect(fact.altered).toBeUndefined()
  })
})

describe('names that are none', () => {
  test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])('type %s is one of the user’s own', (type) => {
    expect(factOf(type, { 'spanledger.a': 1 })).toMatchObject({ type, data: { a: 1 } })
  })

  test('__proto__ as a field pollutes nothing', () => {
    const attributes = { 'spanledger.__proto__.polluted': true, 'spanledger.constructor.prototype.polluted': true }
    for (const type of ['agent_handoff', 'agent_dreamed', 'custom']) {
      factOf(type, attributes)
      factOf(type, { 'spanledger.name': 'n', 'spanledger.data': '{"__proto__":{"polluted":true}}' })
    }
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
    const { data } = factOf('agent_dreamed', attributes)
    expect(Object.getPrototypeOf(data)).toBe(Object.prototype)
    expect(Object.keys(data)).toEqual(['__proto__', 'constructor'])
  })

  test('an empty type, or a name that is not ours, says nothing', () => {
    const event = { attributes: {}, scope: { name: 'x' }, activity: undefined }
    expect(translate({ ...event, name: 'spanledger.' })).toEqual([])
    expect(translate({ ...event, name: 'exception' })).toEqual([])
  })
})
