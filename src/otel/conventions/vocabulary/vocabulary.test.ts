import { type Attributes, ROOT_CONTEXT, type Span, SpanStatusCode, trace } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { nextTurn, startRecordingSdk } from '../../../../test/support/audited-sdk.js'
import type { Vocabulary } from './vocabulary.js'

const acme: Vocabulary = {
  name: 'acme',
  kindAttributes: ['acme.kind', 'acme.sort'],
  kinds: {
    bot: 'agent',
    pipeline: 'workflow',
    chain: 'outermost',
    action: 'tool',
    llm: 'model',
    vectors: 'embeddings',
    order: 'rerank',
    memory: 'recall',
    docs: 'retrieval',
    remember: 'memory_write',
    forget: 'memory_delete',
    pass: 'handoff',
    guard: 'guardrail',
  },
  attributes: {
    agentName: 'acme.bot',
    agentId: 'acme.bot_id',
    toolName: 'acme.action',
    toolCallId: 'acme.call',
    model: 'acme.model',
    provider: 'acme.vendor',
    tenant: 'acme.org',
    session: ['acme.chat', 'acme.thread'],
    user: 'acme.who',
    runId: 'acme.run',
    errorType: 'acme.error',
    errorMessage: 'acme.error_text',
    finishReason: 'acme.end',
    inputTokens: 'acme.usage#in',
    outputTokens: 'acme.usage#out',
    records: 'acme.found',
    store: 'acme.store',
    handoffTo: 'acme.to',
    guardrail: 'acme.rule',
    guardrailAction: 'acme.did',
  },
  outcomes: { 'acme.result': { dropped: 'cancelled', waits: 'suspended', broken: 'failed' } },
  cancellations: ['Stopped'],
  pauses: ['NeedsPerson'],
  limits: { TooManyTurns: 'turns', 'ran out of money': 'cost_usd' },
  usageEvents: ['acme.counted'],
}

function start(kind: string, name: string, attributes: Attributes = {}, parent?: Span): Span {
  const around = parent ? trace.setSpan(ROOT_CONTEXT, parent) : ROOT_CONTEXT
  const span = trace.getTracer('whatever').startSpan(name, {}, around)
  return span.setAttributes({ 'acme.kind': kind, ...attributes })
}

function end(span: Span, attributes: Attributes = {}): void {
  span.setAttributes(attributes).end()
}

function startAcme() {
  return startRecordingSdk({ vocabularies: [acme] })
}

describe('a dialect of the user’s own', () => {
  test('tells runs by its words, whose they are, and what is inside of them', async () => {
    const { log } = startAcme()
    const flow = start('pipeline', 'nightly', { 'acme.org': 'acme', 'acme.thread': 's-1', 'acme.who': 'u-1' })
    await nextTurn()
    expect(log.of('run_started')[0]).toMatchObject({
      tenantId: 'acme',
      sessionId: 's-1',
      actor: { id: 'u-1' },
      source: { convention: 'acme' },
      data: { agent: { name: 'nightly' }, trigger: 'workflow' },
    })
    const bot = start('bot', 'span name', { 'acme.bot': 'writer', 'acme.bot_id': 'b-1', 'acme.run': 'r-1' }, flow)
    end(start('chain', 'inner', {}, bot))
    end(bot, { 'acme.end': 'done' })
    end(flow)
    expect(log.types).toEqual(['run_started', 'sub_agent_invoked', 'run_started', 'run_completed', 'run_completed'])
    expect(log.of('run_started')[1]).toMatchObject({ runId: 'r-1', data: { agent: { id: 'b-1', name: 'writer' } } })
    expect(log.of('run_completed')[0]?.data).toMatchObject({ finishReason: 'done' })
  })

  test('tells the outermost of what it says nothing of as a run', async () => {
    const { log } = startAcme()
    const outer = start('chain', 'outer')
    end(start('chain', 'inner', {}, outer))
    end(outer)
    await nextTurn()
    expect(log.of('run_started').map(({ data }) => data.agent.name)).toEqual(['outer'])
  })

  test('counts tokens in JSON and in events, and tells the error of a call', () => {
    const { log } = startAcme()
    const bot = start('bot', 'bot')
    end(start('llm', 'ask', { 'acme.model': 'm-1', 'acme.vendor': 'v-1' }, bot), { 'acme.usage': '{"in":20,"out":7}' })
    const counted = start('vectors', 'embed', {}, bot)
    counted.addEvent('acme.counted', { 'gen_ai.usage.input_tokens': 3 })
    end(counted)
    end(start('order', 'rank', {}, bot), { 'acme.error': 'Overloaded', 'acme.error_text': 'later' })
    end(bot)
    expect(log.of('token_usage_updated').map(({ data }) => data)).toMatchObject([
      { inputTokens: 20, outputTokens: 7, model: 'm-1', provider: 'v-1' },
      { inputTokens: 3, outputTokens: 0 },
    ])
    expect(log.of('error_occurred')[0]?.data).toEqual({
      error: { code: 'Overloaded', message: 'later' },
      operation: 'rerank',
    })
  })

  test('tells a tool call once, under its own id, where a client inside tells of it again', () => {
    const { log } = startAcme()
    const bot = start('bot', 'bot')
    const call = start('action', 'x', { 'acme.action': 'weather', 'acme.call': 'c-1' }, bot)
    end(start('action', 'x', { 'acme.action': 'weather' }, call))
    end(start('action', 'x', { 'acme.action': 'weather', 'acme.call': 'c-2' }, call), { 'acme.result': 'broken' })
    end(call)
    end(bot)
    expect(log.of('tool_call_started').map(({ data }) => data.callId)).toEqual(['c-1', 'c-2'])
    expect(log.of('tool_call_failed').map(({ data }) => data.callId)).toEqual(['c-2'])
    expect(log.of('tool_call_completed').map(({ data }) => data.callId)).toEqual(['c-1'])
  })

  test('tells look-ups with their hits, writes, deletions, hand-offs and guardrails that stopped something', () => {
    const { log } = startAcme()
    const bot = start('bot', 'triage')
    end(start('memory', 'm', { 'acme.store': 'prefs' }, bot), { 'acme.found': 2 })
    end(start('docs', 'd', {}, bot), { 'acme.found': '[{"id":1}]' })
    end(start('remember', 'w', { 'acme.store': 'prefs' }, bot))
    end(start('forget', 'f', {}, bot))
    end(start('pass', 'p', {}, bot), { 'acme.to': 'billing' })
    end(start('guard', 'g', { 'acme.rule': 'pii' }, bot), { 'acme.did': 'blocked' })
    end(start('guard', 'g', { 'acme.rule': 'pii' }, bot), { 'acme.did': 'allowed' })
    end(bot)
    expect(log.of('memory_recall').map(({ data }) => data)).toEqual([
      { tier: 'memory', namespaceKey: 'prefs', hits: 2 },
      { tier: 'retriever', hits: 1 },
    ])
    expect(log.of('memory_written')[0]?.data).toEqual({ tier: 'memory', namespaceKey: 'prefs' })
    expect(log.of('memory_deleted')).toHaveLength(1)
    expect(log.of('agent_handoff')[0]?.data).toEqual({ from: 'triage', to: 'billing' })
    expect(log.of('policy_violation').map(({ data }) => data)).toEqual([{ rule: 'pii', action: 'blocked' }])
  })

  test.each([
    [{ 'acme.result': 'dropped' }, 'run_cancelled'],
    [{ 'acme.result': 'waits' }, 'run_suspended'],
    [{ 'acme.result': 'broken' }, 'run_failed'],
    [{ 'acme.result': 'fine' }, 'run_completed'],
    [{ 'acme.error': 'Stopped' }, 'run_cancelled'],
    [{ 'acme.error': 'NeedsPerson' }, 'run_suspended'],
    [{ 'acme.error': 'AbortError' }, 'run_cancelled'],
    [{ 'acme.error': 'Other' }, 'run_failed'],
  ])('%j ends a run as %s', (attributes, type) => {
    const { log } = startAcme()
    end(start('bot', 'bot'), attributes)
    expect(log.types.at(-1)).toBe(type)
  })

  test('tells limits by the class of an error, and as a guess by its words', () => {
    const { log } = startAcme()
    end(start('bot', 'bot'), { 'acme.error': 'TooManyTurns' })
    const poor = start('bot', 'bot')
    poor.setStatus({ code: SpanStatusCode.ERROR, message: 'we ran out of money' })
    end(poor)
    expect(log.of('usage_limit_exceeded').map(({ data, source }) => [data.axis, source.confidence])).toEqual([
      ['turns', undefined],
      ['cost_usd', 'heuristic'],
    ])
  })

  test('is asked before the built-in ones, and says nothing of spans that lack its words', () => {
    const { log } = startAcme()
    end(start('bot', 'bot', { 'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'm' }))
    trace
      .getTracer('x')
      .startSpan('invoke_agent y', { attributes: { 'gen_ai.operation.name': 'invoke_agent' } })
      .end()
    expect(log.of('run_started').map(({ source }) => source.convention)).toEqual(['acme', 'gen-ai'])
  })

  test('is confined to its instrumentationScopes, where it may say what all the rest is', async () => {
    const row: Vocabulary = {
      name: 'acme',
      instrumentationScopes: ['acme-*'],
      spanNames: { 'do *': 'tool' },
      otherwise: 'outermost',
    }
    const { log } = startRecordingSdk({ vocabularies: [row] })
    trace.getTracer('other').startSpan('do it').end()
    const agent = trace.getTracer('acme-1').startSpan('whatever')
    trace.getTracer('acme-1').startSpan('do it', {}, trace.setSpan(ROOT_CONTEXT, agent)).end()
    agent.end()
    await nextTurn()
    expect(log.of('tool_call_completed').map(({ data }) => data.tool.name)).toEqual(['it'])
    expect(log.of('run_started').map(({ data }) => data.agent.name)).toEqual(['whatever'])
  })

  test('survives attributes of any shape', () => {
    const { log } = startAcme()
    const hostile = { 'acme.usage': '{"__proto__":{"in":5},"in":{"x":1}}', 'acme.found': Number.NaN, 'acme.chat': [] }
    const bot = start('bot', 'bot', hostile)
    end(start('docs', 'd', {}, bot), { 'acme.found': 'not a list' })
    end(bot, { 'acme.usage': '{', 'acme.bot': '' })
    expect(log.types).toEqual(['run_started', 'memory_recall', 'run_completed'])
    expect(log.of('memory_recall')[0]?.data.hits).toBeUndefined()
  })

  test('many of them are told apart', () => {
    const vocabularies = Array.from({ length: 60 }, (_, i): Vocabulary => {
      return { name: `d-${i}`, kindAttributes: `d${i}.kind`, kinds: { bot: 'agent' } }
    })
    const { log } = startRecordingSdk({ vocabularies })
    for (const i of [0, 14, 15, 30, 59]) {
      trace
        .getTracer('x')
        .startSpan('bot', { attributes: { [`d${i}.kind`]: 'bot' } })
        .end()
    }
    expect(log.of('run_started').map(({ source }) => source.convention)).toEqual([
      'd-0',
      'd-14',
      'd-15',
      'd-30',
      'd-59',
    ])
  })
})

describe('the option vocabularies', () => {
  const refused: readonly (readonly [string, unknown, RegExp])[] = [
    ['no list', {}, /vocabularies must be a list/],
    ['no row', [null], /vocabularies\[0\]: options must be an object/],
    ['no name', [{ ...acme, name: '' }], /vocabularies\[0\]\.name must be a text/],
    ['an unknown field', [{ ...acme, kind: {} }], /unknown option 'kind'; did you mean 'kinds'\?/],
    [
      'an unknown attribute',
      [{ ...acme, attributes: { agentname: 'x' } }],
      /unknown option 'agentname'; did you mean 'agentName'\?/,
    ],
    [
      'an unknown meaning',
      [{ ...acme, kinds: { bot: 'agnet' } }],
      /kinds\['bot'\] must be one of .*; did you mean 'agent'\?/,
    ],
    [
      'an unknown outcome',
      [{ ...acme, outcomes: { x: { y: 'canceled' } } }],
      /outcomes\['x'\]\['y'\] must be one of .*; did you mean 'cancelled'\?/,
    ],
    ['a number for a name', [{ ...acme, attributes: { session: 7 } }], /attributes\.session must be a list of texts/],
    ['a text for a switch', [{ ...acme, exceptionsFail: 'yes' }], /exceptionsFail must be true or false/],
    ['every span by its name', [{ name: 'x', spanNames: { '*': 'agent' } }], /spanNames: '\*' would be every span/],
    [
      'nothing to be recognised by',
      [{ name: 'x' }],
      /needs kindAttributes, spanNames, markers, events, or instrumentationScopes with otherwise/,
    ],
  ]
  test.each(refused)('refuses %s', (_what, vocabularies, message) => {
    expect(() => startRecordingSdk({ vocabularies: vocabularies as Vocabulary[] })).toThrow(message)
  })
})
