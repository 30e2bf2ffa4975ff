import { trace } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { nextTurn, startRecordingSdk } from '../../../../test/support/audited-sdk.js'
import { end, fail, METADATA, message, start } from '../../../../test/support/langchain-spans.js'
import { withRun } from '../../../record/run.js'

describe('a run', () => {
  test('is the outermost chain, from its start', async () => {
    const { log } = startRecordingSdk()
    const chain = start('my-chain')
    await nextTurn()
    expect(log.of('run_started')[0]?.data.agent).toEqual({ name: 'my-chain' })
    end(chain)
    expect(log.types).toEqual(['run_started', 'run_completed'])
  })

  test('has no name when its span bears but that of a class', () => {
    const { log } = startRecordingSdk()
    end(start('RunnableSequence'))
    expect(log.of('run_started')[0]?.data.agent).toEqual({})
  })

  test('is not a prompt, a parser or a model that is called by itself', () => {
    const { log } = startRecordingSdk()
    end(start('ChatPromptTemplate', undefined, 'PROMPT'))
    end(start('StrOutputParser'))
    end(start('ChatOpenAI', undefined, 'LLM'))
    expect(log.types).toEqual([])
  })

  test('is not a chain inside a run of another kind', async () => {
    const { log } = startRecordingSdk()
    await withRun({ agentName: 'planner' }, async () => end(start('my-chain')))
    expect(log.of('run_started').map(({ data }) => data.agent.name)).toEqual(['planner'])
  })

  test('bears the name of its agent where the call was given another', () => {
    const { log } = startRecordingSdk()
    end(start('nightly'), { metadata: { ls_integration: 'langchain_create_agent', lc_agent_name: 'weather' } })
    expect(log.of('run_completed')[0]?.agent).toEqual({ name: 'weather' })
  })

  test('is a graph inside another as soon as its first node begins', async () => {
    const { log } = startRecordingSdk()
    const outer = start('swarm')
    const node = start('writer', outer)
    const graph = start('writer', node)
    const first = start('__start__', graph)
    await nextTurn()
    expect(log.types).toEqual(['run_started', 'sub_agent_invoked', 'run_started'])
    for (const span of [first, graph, node, outer]) end(span)
    const [started, inner] = log.of('run_started')
    expect(inner).toMatchObject({ parentRunId: started?.runId, data: { agent: { name: 'writer' } } })
    expect(log.of('run_completed')).toHaveLength(2)
  })

  test('is a graph that goes on inside another, once one of its nodes has ended', () => {
    const { log } = startRecordingSdk()
    const outer = start('outer')
    const node = start('child', outer)
    const graph = start('inner', node)
    end(start('ask', graph), { metadata: { ...METADATA, langgraph_node: 'ask' } })
    end(graph, { metadata: { ...METADATA, langgraph_node: 'child' } })
    end(node, { metadata: { ...METADATA, langgraph_node: 'child' } })
    end(outer)
    expect(log.of('run_started').map(({ data }) => data.agent.name)).toEqual(['outer', 'inner'])
  })

  test('learns whose it is from its first node, long before its own end', () => {
    const { log } = startRecordingSdk()
    const graph = start('graph')
    end(start('__start__', graph))
    const tool = start('search', graph, 'TOOL')
    end(tool)
    expect(log.of('tool_call_completed')[0]).toMatchObject({
      sessionId: 'thread-1',
      tenantId: 'acme',
      actor: { id: 'user-1' },
    })
  })

  test('is cancelled by its caller, and failed by a timeout, though LangGraph calls both an abort', () => {
    const { log } = startRecordingSdk()
    for (const cause of ['AbortError', 'TimeoutError']) {
      const graph = start('graph')
      fail(start('node', graph), cause, 'The operation was aborted')
      fail(graph, 'Error', 'Abort')
    }
    expect(log.of('run_cancelled')[0]?.data.reason).toBe('aborted')
    expect(log.of('run_failed')[0]?.data.error.code).toBe('TimeoutError')
  })

  test('fails with the class that only the stack below the message names', () => {
    const { log } = startRecordingSdk()
    fail(start('graph'), 'RateLimitError', '429 Slow down\n\nsee https://example.com')
    expect(log.of('run_failed')[0]?.data.error).toEqual({
      code: 'RateLimitError',
      message: '429 Slow down\n\nsee https://example.com',
    })
  })
})

describe('memory', () => {
  test('is compacted where a summary took the place of messages, whether or not content is reported', () => {
    const { log } = startRecordingSdk()
    const graph = start('graph')
    const withContent = start('SummarizationMiddleware.before_model', graph)
    const summary = message('HumanMessage', { content: '', additional_kwargs: { lc_source: 'summarization' } })
    end(withContent, {
      input: { messages: [{}, {}, {}, {}, {}] },
      output: { messages: [message('RemoveMessage', { id: '__remove_all__' }), summary, {}] },
    })
    const without = start('SummarizationMiddleware.before_model', graph)
    end(start('ChatOpenAI', without, 'LLM'), { metadata: { lc_source: 'summarization' } })
    end(without)
    end(start('SummarizationMiddleware.before_model', graph), { output: {} })
    end(graph)
    expect(log.of('context_compacted').map(({ data }) => data)).toEqual([{ droppedMessages: 4 }, {}])
  })

  test('is what a tool that is named so looks up', () => {
    const { log } = startRecordingSdk()
    const content = (text: string) => ({ output: { output: message('ToolMessage', { content: text }) } })
    end(start('search_memory', undefined, 'TOOL'), content('[{"k":1},{"k":2}]'))
    end(start('recallMemories', undefined, 'TOOL'), content('null'))
    end(start('load_user_memory', undefined, 'TOOL'), content('likes tea'))
    end(start('save_memory', undefined, 'TOOL'), content('[]'))
    const recalls = log.of('memory_recall')
    expect(recalls.map(({ data }) => data.hits)).toEqual([2, 0, undefined])
    expect(new Set(recalls.map(({ source }) => source.confidence))).toEqual(new Set(['heuristic']))
  })

  test('is asked once where a retriever asks others', () => {
    const { log } = startRecordingSdk()
    const ensemble = start('EnsembleRetriever', undefined, 'RETRIEVER')
    end(start('VectorStoreRetriever', ensemble, 'RETRIEVER'), {
      attributes: { 'retrieval.documents.0.document.content': 'a' },
    })
    end(ensemble, {
      attributes: { 'retrieval.documents.0.document.content': 'a', 'retrieval.documents.1.document.content': 'b' },
    })
    expect(log.of('memory_recall').map(({ data }) => data)).toEqual([{ tier: 'retriever', hits: 2 }])
  })
})

test('a call that the client of the model has told of as well is counted once', () => {
  const { log } = startRecordingSdk()
  const tokens = { 'llm.token_count.prompt': 20, 'llm.token_count.completion': 7 }
  const client = trace.getTracer('@arizeai/openinference-instrumentation-openai').startSpan('OpenAI Chat Completions')
  client.setAttributes({ 'openinference.span.kind': 'LLM', 'output.value': '{"id":"chatcmpl-1"}', ...tokens })
  client.end()
  const generation = { message: message('AIMessage', { id: 'chatcmpl-1' }) }
  end(start('ChatOpenAI', undefined, 'LLM'), { output: { generations: [[generation]] }, attributes: tokens })
  end(start('ChatOpenAI', undefined, 'LLM'), { attributes: tokens })
  expect(log.of('token_usage_updated').map(({ data }) => data.responseId)).toEqual(['chatcmpl-1', undefined])
})

test('what cannot be read costs only what would have been read from it', () => {
  const { log } = startRecordingSdk()
  const graph = start('graph')
  end(start('plan', graph), { output: '{"lg_name":"Command","goto":["half' })
  end(start('plan', graph), { output: `{"goto":["worker"],"x":"${'x'.repeat(300_000)}"}` })
  end(start('plan', graph), { output: '{"lg_name":"Command","goto":[null]}' })
  graph.setAttribute('metadata', '[not json')
  graph.setAttribute('input.value', '{"lg_name":"Command","resume"')
  graph.end()
  expect(log.types).toEqual(['run_started', 'run_completed'])
})
