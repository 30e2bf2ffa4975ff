import { describe, expect, test } from 'vitest'
import { argumentsIn, messagesIn, resultIn } from './payloads.js'

const of = (
  attributes: Record<string, string>,
  events: { name: string; attributes: Record<string, string> }[] = [],
) => ({
  attributes,
  events: events.map((event) => ({ ...event, time: [0, 0] as [number, number] })),
})

describe('arguments and results', () => {
  test.each([
    ['gen_ai.tool.call.arguments', 'gen_ai.tool.call.result'],
    ['gen_ai.tool.input', 'gen_ai.tool.output'],
    ['ai.toolCall.args', 'ai.toolCall.result'],
    ['gcp.vertex.agent.tool_call_args', 'gcp.vertex.agent.tool_response'],
    ['spring.ai.tool.call.arguments', 'spring.ai.tool.call.result'],
    ['tool_arguments', 'tool_response'],
    ['tool_input', 'tool.result'],
    ['mastra.tool_call.input', 'mastra.tool_call.output'],
    ['input.value', 'output.value'],
    ['traceloop.entity.input', 'traceloop.entity.output'],
    ['langfuse.observation.input', 'langfuse.observation.output'],
    ['langwatch.input', 'langwatch.output'],
    ['lmnr.span.input', 'lmnr.span.output'],
    ['mlflow.spanInputs', 'mlflow.spanOutputs'],
    ['genkit:input', 'genkit:output'],
    ['gen_ai.prompt', 'gen_ai.completion'],
    ['input', 'output'],
  ])('are %s and %s, as they are', (given, result) => {
    const told = of({ [given]: '{"city":"Oslo"}', [result]: 'rain', other: 'x' })
    expect(argumentsIn(told)).toEqual({ arguments: '{"city":"Oslo"}' })
    expect(resultIn(told)).toEqual({ result: 'rain' })
  })

  test('are tool.parameters, unless these are a schema', () => {
    expect(argumentsIn(of({ 'tool.parameters': '{"city":"Oslo"}' }))).toEqual({ arguments: '{"city":"Oslo"}' })
    for (const schema of ['{"type":"object","properties":{}}', '{"def":{"type":"object"}}', '{"$schema":"x"}']) {
      expect(argumentsIn(of({ 'tool.parameters': schema }))).toBeUndefined()
    }
  })

  test('are events of the span where no attribute has them', () => {
    const told = of({}, [
      { name: 'gen_ai.tool.message', attributes: { role: 'tool', content: '{"city":"Oslo"}' } },
      { name: 'gen_ai.choice', attributes: { message: 'rain' } },
    ])
    expect(argumentsIn(told)).toEqual({ arguments: '{"city":"Oslo"}' })
    expect(resultIn(told)).toEqual({ result: 'rain' })
  })

  test('are none where nothing has them', () => {
    expect([argumentsIn(of({})), resultIn(of({})), messagesIn(of({}))]).toEqual([undefined, undefined, undefined])
  })
})

describe('messages', () => {
  test('come with the instructions beside them, and text with the calls of tools beside it', () => {
    expect(
      messagesIn(
        of({
          'gen_ai.input.messages': '[1]',
          'gen_ai.system_instructions': 'be brief',
          'ai.response.text': 'one moment',
          'ai.response.toolCalls': '[2]',
        }),
      ),
    ).toEqual({
      prompt: { messages: '[1]', instructions: 'be brief' },
      completion: { text: 'one moment', toolCalls: '[2]' },
    })
    expect(messagesIn(of({ 'ai.prompt.messages': '[1]', 'ai.response.toolCalls': '[2]' }))).toEqual({
      prompt: '[1]',
      completion: '[2]',
    })
  })

  test('that were taken apart into attributes are put together', () => {
    expect(
      messagesIn(
        of({
          'llm.input_messages.0.message.role': 'user',
          'llm.input_messages.0.message.content': 'Weather?',
          'llm.input_messages.10.message.role': 'tool',
          'llm.input_messages.2.message.role': 'assistant',
          'llm.output_messages.0.message.role': 'assistant',
          'llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments': '{"city":"Oslo"}',
        }),
      ),
    ).toEqual({
      prompt: [
        { message: { role: 'user', content: 'Weather?' } },
        { message: { role: 'assistant' } },
        { message: { role: 'tool' } },
      ],
      completion: [
        { message: { role: 'assistant', tool_calls: [{ tool_call: { function: { arguments: '{"city":"Oslo"}' } } }] } },
      ],
    })
    const openLlmetry = {
      'gen_ai.prompt.0.role': 'user',
      'gen_ai.prompt.0.content': 'Weather?',
      'gen_ai.completion.0.content': 'rain',
      'gen_ai.completion.0.finish_reason': 'stop',
    }
    expect(messagesIn(of(openLlmetry))).toEqual({
      prompt: [{ role: 'user', content: 'Weather?' }],
      completion: [{ content: 'rain', finish_reason: 'stop' }],
    })
  })

  test('that were taken apart by somebody hostile cost no more than they hold', () => {
    const hostile = Object.fromEntries(
      Array.from({ length: 10_000 }, (_, at) => [`gen_ai.prompt.${at}.${'a.'.repeat(200)}content`, 'x']),
    )
    const found = messagesIn(of({ 'gen_ai.prompt.0.role': 'user', 'gen_ai.prompt.__proto__.x': '1', ...hostile }))
    expect(JSON.stringify(found).length).toBeLessThan(4_000_000)
    expect(({} as { x?: string }).x).toBeUndefined()
  })

  test('in events of the span keep their roles and their order', () => {
    const events = [
      { name: 'gen_ai.system.message', attributes: { content: 'be brief' } },
      { name: 'gen_ai.user.message', attributes: { role: 'user', content: 'Weather?' } },
      { name: 'gen_ai.choice', attributes: { message: 'rain' } },
    ]
    expect(messagesIn(of({}, events))).toEqual({
      prompt: [
        { role: 'system', content: 'be brief' },
        { role: 'user', content: 'Weather?' },
      ],
      completion: 'rain',
    })
    const details = {
      name: 'gen_ai.client.inference.operation.details',
      attributes: { 'gen_ai.input.messages': '[1]', 'gen_ai.output.messages': '[2]' },
    }
    expect(messagesIn(of({}, [details]))).toEqual({ prompt: '[1]', completion: '[2]' })
  })
})
