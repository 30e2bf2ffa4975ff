import { type Attributes, ROOT_CONTEXT, type Span, trace } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { nextTurn, startRecordingSdk } from '../../test/support/audited-sdk.js'
import type { Convention } from './conventions/contract.js'

const AGENT = { 'gen_ai.operation.name': 'invoke_agent' }
const CHAT = { 'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'm-1' }

function start(name: string, parent?: Span, scope = 'app', attributes: Attributes = {}): Span {
  const around = parent ? trace.setSpan(ROOT_CONTEXT, parent) : ROOT_CONTEXT
  return trace.getTracer(scope).startSpan(name, { attributes }, around)
}

function end(span: Span, attributes: Attributes = {}): void {
  span.setAttributes(attributes).end()
}

const tokens = (input: number) => ({ 'gen_ai.usage.input_tokens': input, 'gen_ai.usage.output_tokens': 0 })
const agent = (name: string) => ({ ...AGENT, 'gen_ai.agent.name': name })

describe('a run that only its end tells', () => {
  test('has invoked the runs inside, which had started before it was known', async () => {
    const { log } = startRecordingSdk()
    const outer = start('outer')
    await nextTurn()
    const step = start('step', outer)
    end(start('inner', step), agent('inner'))
    end(step)
    end(outer, agent('outer'))
    const [inner, around] = log.of('run_started')
    expect(log.types).toEqual(['run_started', 'run_completed', 'run_started', 'sub_agent_invoked', 'run_completed'])
    expect(log.of('sub_agent_invoked')[0]).toMatchObject({
      runId: around?.runId,
      data: { agentId: 'inner', subRunId: inner?.runId },
    })
  })

  test('invokes only what is directly inside of it', () => {
    const { log } = startRecordingSdk()
    const outer = start('outer')
    const middle = start('middle', outer)
    end(start('inner', middle), agent('inner'))
    end(middle, agent('middle'))
    end(outer, agent('outer'))
    const invoked = log.of('sub_agent_invoked').map(({ agent, data }) => [agent?.name, data.agentId])
    expect(invoked).toEqual([
      ['middle', 'inner'],
      ['outer', 'middle'],
    ])
  })

  test('has used the tokens that were counted inside, less those of the runs inside', () => {
    const { log } = startRecordingSdk()
    const outer = start('outer')
    const inner = start('inner', outer)
    end(start('chat', inner, 'client', CHAT), tokens(3))
    end(inner, agent('inner'))
    end(start('chat', outer, 'client', CHAT), tokens(5))
    end(outer, agent('outer'))
    expect(log.of('run_completed').map(({ data }) => data.usage?.inputTokens)).toEqual([3, 5])
  })

  test('has neither invoked nor paid for what names another run as its caller', () => {
    const { log } = startRecordingSdk()
    const outer = start('outer')
    const inner = start('inner', outer)
    end(start('chat', inner, 'client', CHAT), tokens(3))
    end(inner, { ...agent('inner'), 'spanledger.parent_run.id': 'elsewhere' })
    end(outer, agent('outer'))
    expect(log.of('sub_agent_invoked')).toEqual([])
    expect(log.of('run_started')[0]?.parentRunId).toBe('elsewhere')
    expect(log.of('run_completed').map(({ data }) => data.usage?.inputTokens)).toEqual([3, 0])
  })

  test('invokes at most 256 that had started before it was known', () => {
    const { log } = startRecordingSdk()
    const outer = start('outer')
    for (let i = 0; i < 300; i++) end(start('inner', outer), agent('inner'))
    end(outer, agent('outer'))
    expect(log.of('sub_agent_invoked')).toHaveLength(256)
  })
})

describe('what starts below a suspended run', () => {
  const pausing: Convention = {
    name: 'pausing',
    instrumentationScopes: ['pausing'],
    recognise: ({ name }) => ({ kind: 'run', agent: { name } }),
    conclude: ({ attributes }) => (attributes.waits ? { outcome: 'suspended', reason: 'asks' } : {}),
  }

  test('is a run of its own, not one that it invoked', () => {
    const { log } = startRecordingSdk({ conventions: [pausing] })
    const run = start('first', undefined, 'pausing')
    end(run, { waits: true })
    end(start('second', run, 'pausing'))
    expect(log.types).toEqual(['run_started', 'run_suspended', 'run_started', 'run_completed'])
    expect(log.of('run_started')[1]?.parentRunId).toBeUndefined()
  })

  test('belongs to the run around it, if that goes on', () => {
    const { log } = startRecordingSdk({ conventions: [pausing] })
    const outer = start('outer', undefined, 'pausing')
    const run = start('first', outer, 'pausing')
    end(run, { waits: true })
    end(start('second', run, 'pausing'))
    expect(log.of('sub_agent_invoked').map(({ agent, data }) => [agent?.name, data.agentId])).toEqual([
      ['outer', 'first'],
      ['outer', 'second'],
    ])
  })
})

describe('the sum that a run tells', () => {
  const summing: Convention = {
    name: 'summing',
    instrumentationScopes: ['summing'],
    recognise: ({ name }) => (name === 'run' ? { kind: 'run', agent: {} } : { kind: 'model', operation: 'chat' }),
    conclude: ({ attributes }, { kind }) => ({
      usage: { inputTokens: Number(attributes.sum), authoritative: kind === 'run' },
    }),
  }

  test('counts beside what its own calls told, where these are known to tell less', () => {
    const { log } = startRecordingSdk({ conventions: [summing] })
    const run = start('run', undefined, 'summing')
    end(start('call', run, 'summing'), { sum: 2 })
    end(run, { sum: 5 })
    expect(log.of('token_usage_updated').map(({ data }) => data.inputTokens)).toEqual([2, 5])
  })

  test('does not count where another instrumentation told the calls inside', () => {
    const { log } = startRecordingSdk({ conventions: [summing] })
    const run = start('run', undefined, 'summing')
    end(start('chat', run, 'client', CHAT), tokens(5))
    end(run, { sum: 5 })
    expect(log.of('run_completed')[0]?.data.usage?.inputTokens).toBe(5)
  })

  test('counts although another instrumentation told the calls of a run inside', () => {
    const { log } = startRecordingSdk({ conventions: [summing] })
    const run = start('run', undefined, 'summing')
    const inner = start('inner', run, 'app', agent('inner'))
    end(start('chat', inner, 'client', CHAT), tokens(3))
    end(inner)
    end(run, { sum: 5 })
    expect(log.of('run_completed').map(({ data }) => data.usage?.inputTokens)).toEqual([3, 5])
  })
})

describe('a convention', () => {
  const byName: Convention = {
    name: 'by-name',
    namePrefixes: ['agent run: '],
    recognise: ({ name }) => ({ kind: 'run', agent: { name } }),
    translate: ({ name, runState }) => {
      if (name !== 'note') return []
      runState?.set('noted', true)
      return [{ type: 'resumed', data: { fromCheckpoint: 'a note' } }]
    },
    conclude: (_span, _activity, { ownState }) => ({ finishReason: ownState?.get('noted') ? 'noted' : undefined }),
  }

  test('may know its spans by their names', () => {
    const { log } = startRecordingSdk({ conventions: [byName] })
    end(start('agent run: a'))
    end(start('agents run: a'))
    expect(log.types).toEqual(['run_started', 'run_completed'])
  })

  test('reads the events of its spans first, then the one in whose words they are', () => {
    const { log } = startRecordingSdk({ conventions: [byName] })
    const run = start('agent run: a')
    run.addEvent('note')
    run.addEvent('spanledger.context_compacted', {})
    run.addEvent('nobody.knows', {})
    end(run)
    expect(log.types).toEqual(['run_started', 'resumed', 'context_compacted', 'run_completed'])
    expect(log.of('context_compacted')[0]?.source?.convention).toBe('spanledger')
    expect(log.of('run_completed')[0]?.data.finishReason).toBe('noted')
  })
})
