import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { trace } from '@opentelemetry/api'
import { TracerProvider } from '@opentelemetry/sdk-trace'
import { afterEach, describe, expect, test } from 'vitest'
import { content } from '../../src/events/content.js'
import { contentFields } from '../../src/events/content-fields.js'
import type { AuditEventInput } from '../../src/index.js'
import { AuditSpanProcessor, openAuditLog, openAuditLogReader } from '../../src/index.js'
import { directory, useTestDirectory } from '../support/test-directory.js'

useTestDirectory()
afterEach(() => trace.disable())

const PLANTED = 'Wolpertinger-7Q'

/** Files of a ledger that hold a text: as it is, in hexadecimal or in base64. Tables are not compressed for content, and small. */
function filesWith(text: string): string[] {
  const forms = [text, Buffer.from(text).toString('hex'), Buffer.from(text, 'utf16le').toString('latin1')]
  for (let shift = 0; shift < 3; shift++) {
    const base64 = Buffer.from(' '.repeat(shift) + text).toString('base64')
    forms.push(base64.slice(shift === 0 ? 0 : 4, -4))
  }
  const found: string[] = []
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    const path = join(directory, name)
    if (!statSync(path).isFile()) continue
    const bytes = readFileSync(path).toString('latin1')
    if (forms.some((form) => bytes.includes(form))) found.push(name)
  }
  return found
}

/** Any data of a type, with the text in each field that holds content. */
function dataOf(type: string): object {
  const data: Record<string, unknown> = {
    callId: 'c',
    tool: { name: 't' },
    name: 'n',
    operation: 'o',
    agent: { name: 'a' },
  }
  for (const { path } of contentFields.get(type) ?? []) {
    let holder = data
    for (const name of path.slice(0, -1)) {
      holder[name] ??= { code: 'E' }
      holder = holder[name] as Record<string, unknown>
    }
    holder[path.at(-1) as string] = `${path.join(' ')}: ${PLANTED}`
  }
  return data
}

const everything = {
  name: 'everything',
  rules: [{ payload: 'content', diagnostics: 'content' }],
} as const

describe('a text that is content', () => {
  test('is in no file of the ledger, whatever type of event has it, and is given back', async () => {
    const log = await openAuditLog(directory, { policy: everything })
    for (const type of contentFields.keys()) {
      log.record({ type, runId: 'r', actor: { id: 'ann' }, data: dataOf(type) } as AuditEventInput)
    }
    log.record({ type: 'custom', data: { name: 'note', deep: [{ note: content(PLANTED) }] } })
    await log.flush()
    const written = filesWith(PLANTED)
    expect(written).toEqual([])
    const events = (await log.events({ content: 'all' }).toArray()).filter(
      ({ statementOf }) => statementOf === undefined,
    )
    expect(events.length).toBe(contentFields.size + 1)
    for (const { type, data } of events) {
      const expected = contentFields.get(type)?.length ?? 1
      expect(JSON.stringify(data).split(PLANTED).length - 1).toBe(expected)
    }
    await log.close()
    expect(filesWith(PLANTED)).toEqual([])
    const reader = await openAuditLogReader(directory)
    const [last] = await reader.events({ type: 'custom', content: 'all' }).toArray()
    expect(last?.data).toEqual({ name: 'note', deep: [{ note: PLANTED }] })
    await reader.close()
  })

  test('is in no file when a span brings it, from the first span on', async () => {
    const audit = new AuditSpanProcessor({ location: directory, policy: everything })
    const provider = new TracerProvider({ spanProcessors: [audit] })
    const span = provider.getTracer('app').startSpan('execute_tool search', {
      attributes: {
        'gen_ai.operation.name': 'execute_tool',
        'gen_ai.tool.name': 'search',
        'gen_ai.tool.call.id': 'c-1',
        'gen_ai.tool.call.arguments': JSON.stringify({ query: PLANTED }),
      },
    })
    span.recordException(new Error(`no answer for ${PLANTED}`))
    span.setStatus({ code: 2, message: `no answer for ${PLANTED}` })
    span.end()
    await provider.shutdown()
    expect(filesWith(PLANTED)).toEqual([])
    const reader = await openAuditLogReader(directory)
    const events = await reader.events({ content: 'all' }).toArray()
    const started = events.find(({ type }) => type === 'tool_call_started')
    expect(started?.data).toMatchObject({ arguments: { query: PLANTED } })
    const failed = events.find(({ type }) => type === 'tool_call_failed')
    expect(failed?.data).toMatchObject({
      error: { message: `no answer for ${PLANTED}`, stackTrace: expect.stringContaining(PLANTED) },
    })
    await reader.close()
  })

  test('is nowhere at all where it is redacted', async () => {
    const card = ['4111', '1111', '1111', '1111'].join(' ')
    const log = await openAuditLog(directory)
    log.record({
      type: 'run_failed',
      runId: 'r',
      data: { error: { code: 'E', message: `the card ${card} was refused` } },
    })
    await log.flush()
    const [event] = await log.events({ content: 'diagnostics' }).toArray()
    expect(event).toMatchObject({
      data: { error: { message: 'the card **** **** **** 1111 was refused' } },
      altered: [{ field: 'data.error.message', reason: 'redacted', by: 'payment_card' }],
    })
    await log.close()
    expect(filesWith(card)).toEqual([])
  })
})

describe('hostile content', () => {
  const throwing = () => {
    throw new Error('no')
  }
  const cyclic: Record<string, unknown> = {}
  cyclic.self = cyclic
  const deep = () => {
    let value: unknown = 'deep'
    for (let level = 0; level < 10_000; level++) value = { value }
    return value
  }
  const { proxy: revoked, revoke } = Proxy.revocable({}, {})
  revoke()
  const trapped = new Proxy({ a: 1 }, { ownKeys: throwing, get: throwing, getPrototypeOf: throwing, has: throwing })

  test.each([
    ['ten megabytes', 'x'.repeat(10_000_000)],
    ['NUL', 'a\0b'],
    ['a lone surrogate', 'a\ud800b'],
    ['a cycle', cyclic],
    ['__proto__', JSON.parse('{"__proto__":{"polluted":1}}')],
    ['a getter that throws', Object.defineProperty({}, 'a', { enumerable: true, get: throwing })],
    ['a getter that throws in a list', [Object.defineProperty({}, 'a', { enumerable: true, get: throwing })]],
    ['a revoked Proxy', revoked],
    ['a Proxy whose traps throw', trapped],
    ['a BigInt', 2n ** 4096n],
    ['a Symbol', Symbol('s')],
    ['a typed array', new Float64Array(100_000).fill(Number.NaN)],
    ['a buffer', Buffer.alloc(1_000_000, 0xff)],
    ['a Map', new Map([['a', new Map([['b', 1]])]])],
    ['a Set', new Set([1, cyclic])],
    ['a Date', new Date(0)],
    ['a Date that is none', new Date(Number.NaN)],
    ['a toJSON that throws', { toJSON: throwing }],
    ['a toJSON that returns itself', { toJSON: () => cyclic }],
    ['ten thousand levels', deep()],
    ['a million members', Object.fromEntries(Array.from({ length: 1_000_000 }, (_, n) => [`m${n}`, n]))],
    ['a million items', Array.from({ length: 1_000_000 }, (_, n) => n)],
    ['nothing', ''],
    ['a function', () => 1],
    ['a promise', Promise.resolve(1)],
  ])('%s is recorded as far as it can be, and costs no event', async (_, value) => {
    const log = await openAuditLog(directory, { policy: everything })
    log.record({ type: 'tool_call_started', data: { callId: 'c', tool: { name: 't' }, arguments: value } })
    log.record({ type: 'error_occurred', data: { operation: 'o', error: { code: 'E', message: value as string } } })
    log.record({ type: 'custom', data: { name: 'n', note: content(value) } })
    await log.flush()
    const events = await log.events({ content: 'all' }).toArray()
    expect(events.filter(({ statementOf }) => statementOf === undefined)).toHaveLength(3)
    for (const event of events) for (const item of await log.content(event)) expect(item.status).toBe('readable')
    expect(({} as { polluted?: number }).polluted).toBeUndefined()
    await log.close()
  })
})

describe('keys', () => {
  test('that are not there cost the content alone, and the events say so', async () => {
    const problems: Error[] = []
    const log = await openAuditLog(directory, {
      contentKeys: { keyFile: join(directory, 'nowhere', '\0') },
      on: { problem: (problem) => problems.push(problem) },
    })
    for (let n = 0; n < 3; n++) {
      log.record({ type: 'error_occurred', data: { operation: 'o', error: { code: 'E', message: 'no' } } })
    }
    await log.flush()
    expect(await log.events().toArray()).toMatchObject(
      Array.from({ length: 3 }, () => ({
        data: { error: { code: 'E' } },
        altered: [{ field: 'data.error.message', reason: 'key_unavailable' }],
      })),
    )
    expect(problems.length).toBe(1)
    await log.close()
  })

  test('that a reader lacks cost nothing but the content', async () => {
    const log = await openAuditLog(directory, { contentKeys: { directory: `${directory}-keys` } })
    log.record({ type: 'run_failed', runId: 'r', data: { error: { code: 'E', message: 'no' } } })
    await log.close()
    const without = await openAuditLogReader(directory)
    const [event] = await without.events({ content: 'all' }).toArray()
    expect(event?.data).toEqual({ error: { code: 'E' } })
    expect(await without.content(event as never)).toMatchObject([{ status: 'key_unavailable' }])
    expect((await without.run('r'))?.error).toEqual({ code: 'E' })
    await without.close()
    const having = await openAuditLogReader(directory, { contentKeys: { directory: `${directory}-keys` } })
    expect((await having.run('r'))?.error).toEqual({ code: 'E', message: 'no' })
    await having.close()
  })
})

describe('a log of a ledger', () => {
  test('that is opened by its own path has the keys of the ledger, and so has its reader', async () => {
    const shared = { shared: true, on: { problem: () => {} } }
    const logs = [await openAuditLog(directory, shared), await openAuditLog(directory, shared)]
    const failed = (message: string) => ({ operation: 'o', error: { code: 'E', message } })
    for (const [n, log] of logs.entries()) log.record({ type: 'error_occurred', data: failed(`in ${n}`) })
    for (const log of logs) await log.close()
    const second = join(directory, 'logs/1')
    const alone = await openAuditLog(second, { on: { problem: () => {} } })
    alone.record({ type: 'error_occurred', data: failed('alone') })
    const query = { type: 'error_occurred', content: 'diagnostics' } as const
    const messagesOf = async (events: AsyncIterable<{ data: { error: { message?: string | undefined } } }>) => {
      const messages: (string | undefined)[] = []
      for await (const { data } of events) messages.push(data.error.message)
      return messages
    }
    expect(await messagesOf(alone.events(query))).toEqual(['in 1', 'alone'])
    await alone.close()
    const reader = await openAuditLogReader(second)
    expect(await messagesOf(reader.events(query))).toEqual(['in 1', 'alone'])
    await reader.close()
    const all = await openAuditLogReader(directory)
    const events = await all.events(query).toArray()
    expect(events.map(({ data }) => data.error.message).sort()).toEqual(['alone', 'in 0', 'in 1'])
    for (const event of events) expect(await all.content(event)).toMatchObject([{ status: 'readable' }])
    await all.close()
  })
})
