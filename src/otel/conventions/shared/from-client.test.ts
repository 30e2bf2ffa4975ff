import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { Fact } from '../contract.js'
import { fromClient } from './from-client.js'

const resumed: Fact = { type: 'resumed', data: {} }

describe('content of a client', () => {
  test('tells facts that bear the mark, whatever else they rest on', () => {
    const content = fromClient({ 'ai.prompt': 'x' }, 'ai.prompt')?.map((text) => text.length)
    const facts = content?.tells((length) => (length === 1 ? [resumed, { ...resumed, confidence: 'heuristic' }] : []))
    expect(facts?.map(({ confidence }) => confidence)).toEqual(['claimed', 'claimed'])
    expect(content?.tells(() => undefined)).toBeUndefined()
  })

  test('is the first text among the attributes that may hold it', () => {
    const attributes = { 'ai.prompt': '', 'gen_ai.input.messages': '[]', 'genkit:input': 1 }
    const read = fromClient(attributes, 'ai.prompt', 'gen_ai.input.messages')
    expect(read?.borneOutBy('execution', (text) => text)).toBe('[]')
    expect(fromClient(attributes, 'genkit:input')).toBeUndefined()
  })

  test('does not come out of its wrapper by way of JSON, a text or its members', () => {
    const content = fromClient({ 'ai.prompt': 'secret' }, 'ai.prompt')
    expect([JSON.stringify(content), String(content), Object.values(content ?? {})].join()).not.toContain('secret')
  })
})

/** Of any instrumentation: what an application, a framework or a model was given. */
const CLIENT_CONTENT =
  /'(?:ai\.prompt(?!\.tools)|gen_ai\.(?:input\.messages|prompt(?!\.name)|agent\.input)|llm\.(?:input_messages|prompts)|input\.value|traceloop\.entity\.input|genkit:input|mastra\.\w+\.input|gcp\.vertex\.agent\.llm_request|langfuse\.observation\.input)/

/** Reads such content, and records it as what the client said: no fact comes of it. */
const RECORDS_AS_CONTENT = /(?:^|\/)payloads\.ts$/

test('no convention reads it but through its wrapper', () => {
  const rooms = [`${import.meta.dirname}/..`, `${import.meta.dirname}/../../../openai-agents`]
  const lines = rooms.flatMap((room) =>
    readdirSync(room, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !file.endsWith('from-client.ts'))
      .filter((file) => !RECORDS_AS_CONTENT.test(file))
      .flatMap((file) => readFileSync(`${room}/${file}`, 'utf8').split('\n')),
  )
  const naming = lines.filter((line) => CLIENT_CONTENT.test(line))
  expect(naming.length).toBeGreaterThan(5)
  // A dialect names the key, whose type only `fromClient` takes.
  expect(naming.filter((line) => !/fromClient\(|Dialect = \{/.test(line))).toEqual([])
})
